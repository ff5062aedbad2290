package proxy_test

import (
	"crypto/tls"
	"net"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
	"mqttward/proxy/upstream"
)

// lateStart is a relay that comes back from Start only when it may.
type lateStart struct {
	relay.Relay
	started, mayGoOn chan struct{}
}

func (l lateStart) Start(p relay.Pair) relay.Link {
	link := l.Relay.Start(p)
	close(l.started)
	<-l.mayGoOn
	return link
}

// What the relay has taken, the sockets below TLS included, is not the server's to close.
func TestCloseWhileTheRelayTakesOverASessionWithTLSToTheBroker(t *testing.T) {
	ca := proxytest.NewCA(t, "broker")
	late := lateStart{started: make(chan struct{}), mayGoOn: make(chan struct{})}
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{TLS: &tls.Config{Certificates: []tls.Certificate{ca.Issue("broker")}}})
	pool, err := upstream.New(upstream.Options{
		Addresses: []string{broker.Addr()}, TLS: &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *options) {
		late.Relay = o.Relay
		o.Relay = late
		o.Upstream = pool
	})
	r.send(frame(client(packets.V5, "", "")))
	<-late.started
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		r.server.Close()
	}()
	proxytest.Eventually(t, "connections are cut", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(late.mayGoOn)
	<-closed
}
