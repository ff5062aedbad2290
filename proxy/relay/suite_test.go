package relay_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

func TestRandomBytesInRandomChunksArriveOnceAndInOrder(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(0)
		const size = 4 << 20
		up, down := randomBytes(1, size), randomBytes(2, size)
		go sendInChunks(r.client, up, 3)
		go sendInChunks(r.broker, down, 4)
		received := make(chan []byte)
		go func() {
			all, _ := io.ReadAll(r.broker)
			received <- all
		}()
		gotDown, err := io.ReadAll(r.client)
		if err != nil || !bytes.Equal(gotDown, down) {
			t.Errorf("down: got %d bytes, %v; equal: %v", len(gotDown), err, bytes.Equal(gotDown, down))
		}
		if gotUp := <-received; !bytes.Equal(gotUp, up) {
			t.Errorf("up: got %d bytes, want the %d that were sent", len(gotUp), len(up))
		}
		if e := r.end(); e.BytesUp != size || e.BytesDown != size {
			t.Errorf("counted %d up and %d down, want %d each", e.BytesUp, e.BytesDown, size)
		}
	})
}

// sendInChunks writes p in pieces of 1 byte to 64 KiB, and ends the stream.
func sendInChunks(c net.Conn, p []byte, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, seed))
	for len(p) > 0 {
		n := min(len(p), 1+rnd.IntN(1<<rnd.IntN(17)))
		if _, err := c.Write(p[:n]); err != nil {
			return
		}
		p = p[n:]
	}
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
}

func randomBytes(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

func TestOneByteIsNotHeldBack(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.start(0)
		for _, b := range []byte("one at a time, a record each") {
			send(t, r.client, []byte{b})
			expect(t, r.broker, []byte{b})
			send(t, r.broker, []byte{b})
			expect(t, r.client, []byte{b})
		}
	})
}

func TestHalfCloseIsPassedOnAndTheOtherDirectionGoesOn(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		closeWrite(t, r.client)
		expectEnd(t, r.broker)
		send(t, r.broker, publish(100))
		expect(t, r.client, publish(100))
		closeWrite(t, r.broker)
		expectEnd(t, r.client)
		r.expectCause(relay.ClientClosed)
	})
}

func TestUpstreamThatCloses(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V311)
		send(t, r.broker, publish(10))
		r.broker.Close()
		expect(t, r.client, publish(10))
		expectEnd(t, r.client)
		r.client.Close()
		r.expectCause(relay.UpstreamClosed)
	})
}

// Brokers close at a DISCONNECT, often before the client's own end has come: it has left all the same.
func TestUpstreamThatClosesAfterADisconnect(t *testing.T) {
	for name, c := range map[string]struct {
		sent []byte
		want relay.Cause
	}{
		"disconnect":              {[]byte{0xe0, 0}, relay.ClientClosed},
		"with a reason":           {[]byte{0xe0, 1, 4}, relay.ClientClosed},
		"behind a publish":        {append(publish(100), 0xe0, 0), relay.ClientClosed},
		"something after it":      {append([]byte{0xe0, 0}, 0xc0, 0), relay.UpstreamClosed},
		"the half of a packet":    {[]byte{0xe0, 2, 4}, relay.UpstreamClosed},
		"another, with that byte": {append(publish(1), 0xc0, 0), relay.UpstreamClosed},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
				r.start(packets.V5)
				send(t, r.client, c.sent)
				expect(t, r.broker, c.sent)
				r.broker.Close()
				expectEnd(t, r.client)
				r.client.Close()
				r.expectCause(c.want)
			})
		})
	}
}

func TestSideThatNeverClosesIsClosedAfterHalfCloseTimeout(t *testing.T) {
	const timeout = 300 * time.Millisecond
	eachEngine(t, timeout, func(t *testing.T, r *rig) {
		r.start(packets.V311)
		begun := time.Now()
		closeWrite(t, r.client)
		expectEnd(t, r.broker) // and the broker does nothing
		r.expectCause(relay.ClientClosed)
		if took := time.Since(begun); took < timeout {
			t.Errorf("closed after %v, want at least %v", took, timeout)
		}
	})
}

// All kinds at once: each takes longer than the time-out, and that is long, so that no busy machine
// makes a pause of it.
func TestHalfClosedSessionThatMovesStaysOpen(t *testing.T) {
	const timeout = 5 * time.Second
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			engine := newEngine(t, name)
			var rigs []*rig
			for _, pair := range kinds {
				r := newRig(t, engine, timeout, pair)
				r.start(packets.V311)
				closeWrite(t, r.client)
				rigs = append(rigs, r)
			}
			for begun := time.Now(); time.Since(begun) < timeout*5/4; time.Sleep(timeout / 50) {
				for _, r := range rigs {
					send(t, r.broker, publish(1))
					expect(t, r.client, publish(1))
				}
			}
		})
	}
}

func TestSlowReaderStopsItsWriter(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.start(0)
		// Nobody reads at the broker: what the client can send is what the kernel takes, and
		// one buffer.
		chunk := make([]byte, 64<<10)
		sent := 0
		for {
			r.client.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			n, err := r.client.Write(chunk)
			sent += n
			if err != nil {
				break
			}
			if sent > 256<<20 {
				t.Fatal("the writer was never stopped")
			}
		}
		// The kernel's buffers may still grow a little. Then nothing moves any more.
		proxytest.Eventually(t, "the relay stands still", func() bool {
			before := r.link.Stats().BytesUp
			time.Sleep(200 * time.Millisecond)
			return r.link.Stats().BytesUp == before
		})
	})
}

func TestKillClosesBothSidesAtOnce(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		r.link.Kill(relay.Forced)
		r.expectCause(relay.Forced)
		for name, c := range map[string]net.Conn{"client": r.client, "broker": r.broker} {
			c.SetReadDeadline(time.Now().Add(20 * time.Second))
			if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("%s: read got %d bytes and no end", name, n)
			}
		}
	})
}

func TestKillWhileAWriteIsBlocked(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(0)
		fill(r.client)
		r.link.Kill(relay.Forced)
		r.expectCause(relay.Forced)
	})
}

// fill writes until nothing more is taken.
func fill(c net.Conn) {
	chunk := make([]byte, 64<<10)
	for {
		c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		if _, err := c.Write(chunk); err != nil {
			return
		}
	}
}

func TestConnackIsSeenAsItPasses(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer []byte
		code   packets.ReasonCode
		bad    bool
	}{
		{"3.1.1 accepted", []byte{0x20, 2, 1, 0}, 0, false},
		{"3.1.1 refused", []byte{0x20, 2, 0, 5}, 5, false},
		{"5.0 accepted with properties", []byte{0x20, 6, 0, 0, 3, 0x21, 0, 10}, 0, false},
		{"5.0 refused", []byte{0x20, 3, 0, 0x87, 0}, 0x87, false},
		{"something else", []byte{0x30, 3, 0, 1, 't'}, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachEngine(t, time.Second, func(t *testing.T, r *rig) {
				r.start(0)
				for i := range test.answer { // a byte at a time, the worst there is
					send(t, r.broker, test.answer[i:i+1])
					expect(t, r.client, test.answer[i:i+1])
				}
				got := <-r.connacks
				if got.code != test.code || (got.err != nil) != test.bad {
					t.Errorf("Connack: got %v, %v, want %v, error: %v", got.code, got.err, test.code, test.bad)
				}
			})
		})
	}
}

func TestEndedIsCalledOnce(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		r.client.Close()
		r.broker.Close()
		r.end()
		r.link.End(relay.Farewell{Cause: relay.Drained})
		r.link.Kill(relay.Forced)
		select {
		case e := <-r.ends:
			t.Errorf("Ended was called again: %v", e.Cause)
		case <-time.After(50 * time.Millisecond):
		}
	})
}

func TestStatsTellWhenTheLastBytePassed(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		begun := time.Now()
		r.start(packets.V5)
		time.Sleep(20 * time.Millisecond)
		before := time.Now()
		send(t, r.client, publish(1))
		expect(t, r.broker, publish(1))
		s := r.link.Stats()
		if s.LastByte.Before(before.Truncate(0).Add(-time.Millisecond)) || s.LastByte.Before(begun) {
			t.Errorf("last byte: got %v, want after %v", s.LastByte, before)
		}
	})
}
