package relay_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// What TLS has read before the relay starts waits like all else where the broker takes no more.
func TestBytesThatTLSHasReadWaitForABrokerThatIsFull(t *testing.T) {
	for _, name := range loopEngines {
		t.Run(name, func(t *testing.T) { tryBytesThatTLSHasRead(t, name) })
	}
}

func tryBytesThatTLSHasRead(t *testing.T, engine string) {
	proxytest.CheckLeaks(t)
	r := newRig(t, newEngine(t, engine), time.Minute, tcpPair)
	r.pair.Client.Close()
	r.client.Close()
	r.pair.Client, r.client = tlsPair(t)
	// One record, of which the proxy has taken one byte: the rest is with TLS.
	record := bytes.Repeat([]byte{'x'}, 1000) // a record's size at first
	send(t, r.client, record)
	if _, err := r.pair.Client.(*tls.Conn).Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	small(t, r.broker)
	small(t, r.pair.Upstream)
	before := fillCounted(r.pair.Upstream)
	r.pair.Upstream.SetWriteDeadline(time.Time{})
	r.link = r.engine.Start(r.pair)
	proxytest.Eventually(t, "the relay has what TLS had", func() bool { return r.link.Stats().BytesUp == 999 })
	expect(t, r.broker, make([]byte, before))
	expect(t, r.broker, record[1:])
	r.link.Kill(relay.Forced)
	r.expectCause(relay.Forced)
}

// fillCounted writes zeroes until nothing more is taken, and returns how many were.
func fillCounted(c net.Conn) (n int) {
	chunk := make([]byte, 4<<10)
	for {
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		m, err := c.Write(chunk)
		if n += m; err != nil {
			return n
		}
	}
}
