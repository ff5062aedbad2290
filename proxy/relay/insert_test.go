package relay_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

var disconnect = packets.AppendDisconnect(nil, packets.ServerShuttingDown)

func farewell() relay.Farewell { return relay.Farewell{Cause: relay.Drained, Down: disconnect} }

func TestInsertionIntoAnIdleDirection(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		r.link.End(farewell())
		expect(t, r.client, disconnect)
		expectEnd(t, r.client)
		expectEnd(t, r.broker) // and no MQTT DISCONNECT: the broker publishes the will
		r.client.Close()
		r.broker.Close()
		e := r.expectCause(relay.Drained)
		if e.BytesUp != 0 {
			t.Errorf("bytes up: got %d, want 0", e.BytesUp)
		}
	})
}

func TestInsertionUpstream(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.start(packets.V311)
		send(t, r.client, publish(5))
		expect(t, r.broker, publish(5))
		r.link.End(relay.Farewell{Cause: relay.Drained, Up: []byte{0xE0, 0}})
		expect(t, r.broker, []byte{0xE0, 0})
		expectEnd(t, r.broker)
		expectEnd(t, r.client)
	})
}

// eachEngineInTime is eachEngine for tests of a last packet, which waits a second for its boundary:
// where more than that has passed, the machine was too busy, and all is tried again.
func eachEngineInTime(t *testing.T, halfClose time.Duration, test func(t *testing.T, r *rig) error) {
	for _, name := range engines {
		for kind, pair := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				proxytest.CheckLeaks(t)
				engine := newEngine(t, name)
				for try := 1; ; try++ {
					r := newRig(t, engine, halfClose, pair)
					r.start(packets.V5)
					begun := time.Now()
					err := test(t, r)
					took := time.Since(begun)
					switch {
					case err == nil:
						return
					case took < 900*time.Millisecond || try == 20:
						t.Fatalf("after %v: %v", took, err)
					}
					t.Logf("after %v: %v", took, err)
				}
			})
		}
	}
}

func TestInsertionWaitsForTheEndOfAPacket(t *testing.T) {
	eachEngineInTime(t, time.Minute, func(t *testing.T, r *rig) error {
		message := publish(1000)
		send(t, r.broker, message[:500])
		expect(t, r.client, message[:500])
		r.link.End(farewell())
		// The rest of the packet, and the beginning of the next, which is dropped.
		_, err := r.broker.Write(append(bytes.Clone(message[500:]), publish(30)[:7]...))
		if got, want := readUntilEnd(r.client), append(bytes.Clone(message[500:]), disconnect...); !bytes.Equal(got, want) {
			return fmt.Errorf("the client got % x, want % x; the broker's write: %v", head(got), head(want), err)
		}
		return nil
	})
}

func TestNoBoundaryWithinASecondJustCloses(t *testing.T) {
	eachEngine(t, 500*time.Millisecond, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		message := publish(1000)
		send(t, r.broker, message[:500])
		expect(t, r.client, message[:500])
		begun := time.Now()
		r.link.End(farewell())
		expectEnd(t, r.client)
		if took := time.Since(begun); took < 400*time.Millisecond {
			t.Errorf("gave up after %v already", took)
		}
		r.client.Close()
		r.broker.Close()
		r.expectCause(relay.Drained)
	})
}

// [MQTT5 3.14.0-1]: no DISCONNECT before a CONNACK with a reason code below 0x80.
func TestNoDisconnectBeforeASuccessfulConnack(t *testing.T) {
	for name, answer := range map[string][]byte{
		"none":    nil,
		"refused": {0x20, 3, 0, 0x87, 0},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, time.Second, func(t *testing.T, r *rig) {
				r.start(0)
				if answer != nil {
					send(t, r.broker, answer)
					expect(t, r.client, answer)
					<-r.connacks
				}
				r.link.End(farewell())
				expectEnd(t, r.client)
			})
		})
	}
}

func TestNoInsertionBeyondTheMaximumPacketSize(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.pair.MaximumPacketSize = uint32(len(disconnect) - 1)
		r.start(packets.V5)
		r.link.End(farewell())
		expectEnd(t, r.client)
	})
}

func TestNoInsertionIntoAStreamThatCannotBeFramed(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		junk := []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3}
		send(t, r.broker, junk)
		expect(t, r.client, junk)
		r.link.End(farewell())
		expectEnd(t, r.client)
	})
}

func TestFarewellToAClientThatDoesNotRead(t *testing.T) {
	eachEngine(t, 500*time.Millisecond, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		fill(r.broker)
		r.link.End(farewell())
		r.expectCause(relay.Drained)
	})
}

// What the client had sent before the farewell reaches a broker that still reads.
func TestFarewellDeliversWhatWasTaken(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		const messages = 50
		for range messages {
			send(t, r.client, publish(1000))
		}
		want := uint64(messages * len(publish(1000)))
		for r.link.Stats().BytesUp < want {
			time.Sleep(time.Millisecond)
		}
		r.link.End(farewell())
		r.broker.SetReadDeadline(time.Now().Add(10 * time.Second))
		if got := readAll(t, r.broker); uint64(len(got)) != want {
			t.Errorf("the broker got %d bytes, want %d", len(got), want)
		}
		expect(t, r.client, disconnect)
	})
}

func TestManyFarewellsWhileMessagesFlow(t *testing.T) {
	eachEngineInTime(t, 2*time.Second, func(t *testing.T, r *rig) error {
		go func() { // the broker never pauses
			for {
				if _, err := r.broker.Write(publish(200)); err != nil {
					return
				}
			}
		}()
		go func() {
			buf := make([]byte, 4096)
			for {
				if _, err := r.broker.Read(buf); err != nil {
					return
				}
			}
		}()
		time.AfterFunc(50*time.Millisecond, func() {
			for range 10 {
				r.link.End(farewell())
			}
		})
		got := readUntilEnd(r.client)
		// Whole packets, then the DISCONNECT, then nothing.
		if !bytes.HasSuffix(got, disconnect) {
			return fmt.Errorf("the stream ends in % x, want the DISCONNECT", got[max(0, len(got)-16):])
		}
		body, packet := got[:len(got)-len(disconnect)], publish(200)
		if len(body)%len(packet) != 0 || !bytes.Equal(body, bytes.Repeat(packet, len(body)/len(packet))) {
			return fmt.Errorf("before the DISCONNECT there are %d bytes, which is not a number of whole packets of %d", len(body), len(packet))
		}
		return nil
	})
}

// readUntilEnd reads until any end: the peer may be reset after it was told.
func readUntilEnd(c net.Conn) []byte {
	var got []byte
	buf := make([]byte, 32<<10)
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return got
		}
	}
}

// A broker that closes as soon as it sees the end of its stream must not get ahead of the
// packet that its client is still to have.
func TestInsertionBeforeABrokerThatClosesAtOnce(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			for range 300 {
				r := newRig(t, newEngine(t, name), time.Minute, tcpPair)
				r.start(packets.V5)
				closed := make(chan struct{})
				go func() {
					defer close(closed)
					_, _ = io.Copy(io.Discard, r.broker)
					r.broker.Close()
				}()
				r.link.End(farewell())
				expect(t, r.client, disconnect)
				expectEnd(t, r.client)
				r.client.Close()
				r.expectCause(relay.Drained)
				<-closed
			}
		})
	}
}
