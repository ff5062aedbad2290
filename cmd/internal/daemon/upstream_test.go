package daemon

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Each client is a TLS connection of its own to the broker: all but the first are resumed.
func TestTLSToTheBrokerIsResumed(t *testing.T) {
	proxytest.CheckLeaks(t)
	ca := proxytest.NewCA(t, "broker")
	var full, resumed atomic.Int32
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{TLS: &tls.Config{
		Certificates: []tls.Certificate{ca.Issue("broker")},
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.DidResume {
				resumed.Add(1)
			} else {
				full.Add(1)
			}
			return nil
		},
	}})
	r := run(t, plain(b.Addr())+fmt.Sprintf("[upstream.tls]\nca_file = %q\n", ca.File()))
	const clients = 4
	for range clients {
		conn := r.dial("mqtt")
		mustConnect(t, conn, packets.V311) // the ticket comes with the broker's first bytes
		conn.Close()
	}
	if full.Load() != 1 || resumed.Load() != clients-1 {
		t.Errorf("got %d full and %d resumed handshakes, want 1 and %d", full.Load(), resumed.Load(), clients-1)
	}
}
