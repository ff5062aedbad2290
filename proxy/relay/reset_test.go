package relay_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// reset closes c so that its peer gets a reset.
func reset(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// eachPlainEngine is eachEngine over TCP alone, where a reset can be made.
func eachPlainEngine(t *testing.T, halfClose time.Duration, test func(t *testing.T, r *rig)) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			test(t, newRig(t, newEngine(t, name), halfClose, tcpPair))
		})
	}
}

// A client publishes, disconnects and resets; the broker is slow. The broker must get both
// packets and an orderly end, or it would publish the will.
func TestPublishDisconnectResetInFrontOfASlowBroker(t *testing.T) {
	for _, size := range []int{10, 100 << 10, 300 << 10} {
		eachPlainEngine(t, time.Minute, func(t *testing.T, r *rig) {
			small(t, r.broker)
			small(t, r.pair.Upstream)
			r.start(packets.V311)
			sent := append(publish(size), 0xE0, 0x00)
			// The relay has it all when the client resets, but the broker has not read.
			wrote := make(chan struct{})
			go func() {
				defer close(wrote)
				_, _ = r.client.Write(sent)
			}()
			got := readSlowly(t, r.broker, len(sent)-1000)
			<-wrote
			waitUntilTaken(t, r.client)
			reset(t, r.client)
			got = append(got, readAll(t, r.broker)...)
			if !bytes.Equal(got, sent) {
				t.Errorf("size %d: the broker got %d bytes, want the %d that were sent", size, len(got), len(sent))
			}
			r.broker.Close()
			r.end()
		})
	}
}

// small shrinks a socket's buffers, so that little is in flight.
func small(t testing.TB, c net.Conn) {
	t.Helper()
	tcp := c.(*net.TCPConn)
	if err := tcp.SetReadBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
	if err := tcp.SetWriteBuffer(8 << 10); err != nil {
		t.Fatal(err)
	}
}

// readSlowly reads n bytes in small pieces.
func readSlowly(t testing.TB, c net.Conn, n int) []byte {
	t.Helper()
	var got []byte
	piece := make([]byte, 16<<10)
	for len(got) < n {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		m, err := c.Read(piece[:min(len(piece), n-len(got))])
		got = append(got, piece[:m]...)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
	}
	return got
}

func readAll(t testing.TB, c net.Conn) []byte {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("the stream must end in order: got %v after %d bytes", err, len(got))
	}
	return got
}

func TestClientThatResetsWhileTheBrokerSends(t *testing.T) {
	eachPlainEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V311)
		send(t, r.client, publish(1000))
		send(t, r.client, []byte{0xE0, 0x00})
		expect(t, r.broker, publish(10)[:0])
		waitUntilTaken(t, r.client)
		reset(t, r.client)
		// The broker sends on for a while: no write of it may destroy what it has yet to read.
		for range 20 {
			if _, err := r.broker.Write(publish(1000)); err != nil {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		want := append(publish(1000), 0xE0, 0x00)
		if got := readAll(t, r.broker); !bytes.Equal(got, want) {
			t.Errorf("the broker got %d bytes, want %d", len(got), len(want))
		}
		r.broker.Close()
		r.expectCause(relay.ClientReset)
	})
}

func TestBrokerThatResets(t *testing.T) {
	eachPlainEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		send(t, r.broker, publish(50))
		waitUntilTaken(t, r.broker)
		reset(t, r.broker)
		expect(t, r.client, publish(50))
		expectEnd(t, r.client)
		r.client.Close()
		r.expectCause(relay.UpstreamReset)
	})
}
