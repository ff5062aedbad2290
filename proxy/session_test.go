package proxy_test

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

func TestBrokerThatSendsNoConnackIsLogged(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.broker = proxytest.BrokerOptions{Connack: []byte{}, Handle: func(net.Conn) {}}
	})
	c := r.send(frame(client(packets.V5, "u", "p")))
	readAll(t, c)
	c.Close()
	r.expectLog("level=WARN", "session ended", "close_reason=upstream_closed", "no CONNACK")
}

func TestRefusalOfTheBrokerPassesAndIsLogged(t *testing.T) {
	for v, connack := range map[packets.Version][]byte{
		packets.V31: {0x20, 2, 0, 5}, packets.V311: {0x20, 2, 0, 4}, packets.V5: {0x20, 3, 0, 0x87, 0},
	} {
		r := newRig(t, func(o *options) {
			o.broker = proxytest.BrokerOptions{Connack: connack, Handle: func(net.Conn) {}}
		})
		if got := r.answer(frame(client(v, "u", "p"))); string(got) != string(connack) {
			t.Errorf("%v: got % x, want % x", v, got, connack)
		}
		r.expectLog("level=WARN", "refused by the broker", "code=0x")
	}
}

// The lines about a session tell who, what and how much, and what was proven.
func TestLogOfASession(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Chain = chainOf(t, always(auth.Accepted(auth.Identity{Name: "proven\n1"})))
	})
	connect := frame(client(packets.V311, "a\u202euser", "p"))
	c := r.send(connect)
	read(t, c, accepting(packets.V311))
	ping := []byte{0xC0, 0}
	if _, err := c.Write(ping); err != nil {
		t.Fatal(err)
	}
	read(t, c, ping)
	c.Close()
	r.expectLog("msg=connected", "conn=1", "listener=main", "remote=127.0.0.1:", "client_id=device-1",
		`username=a\u202euser `, "mqtt=3.1.1", "stage=test", "verdict=accept", `identity=proven\u000a1 `,
		"upstream="+r.broker.Addr(), "duration_ms=")
	// CONNECT, and the ping both ways; the broker's CONNACK.
	r.expectLog("msg=\"session ended\"", "conn=1", fmt.Sprintf("bytes_up=%d ", len(connect)+len(ping)), "bytes_down=6 ", "close_reason=client_closed")
}

// A broker that refuses and does not close keeps its client's place no longer than one that
// half-closes.
func TestBrokerThatRefusesAndDoesNotClose(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Limits.HalfCloseTimeout = 300 * time.Millisecond
		o.broker = proxytest.BrokerOptions{Connack: []byte{0x20, 2, 0, 5}, Handle: func(conn net.Conn) {
			_, _ = io.Copy(io.Discard, conn)
		}}
	})
	c := r.send(frame(client(packets.V311, "u", "p")))
	if got := readAll(t, c); string(got) != "\x20\x02\x00\x05" {
		t.Errorf("got % x, want the broker's refusal", got)
	}
	c.Close()
	r.expectLog("session ended", "close_reason=upstream_refused")
}
