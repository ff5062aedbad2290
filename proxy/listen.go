package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"time"
)

// KeepAlive is the TCP keep-alive of both sides of a session: a peer that vanished is found
// after two minutes of silence, whatever MQTT's own keep alive says.
var KeepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

// Listener is where clients come in.
type Listener struct {
	net.Listener
	// Name tells the listeners apart in logs.
	Name string
	// TLS is nil for a plain listener.
	TLS *tls.Config
}

// Listen opens the TCP address bind, such as "0.0.0.0:1883", for MQTT.
func Listen(ctx context.Context, bind string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: KeepAlive}
	// A multipath socket costs more per connection and can't leave the runtime's poller.
	lc.SetMultipathTCP(false)
	return lc.Listen(ctx, "tcp", bind)
}

// alpnMQTT is MQTT's protocol name in ALPN.
const alpnMQTT = "mqtt"

// WithALPN returns conf made to select "mqtt" where a client offers it, and to go on without
// ALPN where a client offers anything else, or nothing. crypto/tls on its own refuses a
// client whose offers are all unknown to it; brokers don't.
func WithALPN(conf *tls.Config) *tls.Config {
	chosen := conf.Clone()
	chosen.NextProtos = []string{alpnMQTT}
	conf = conf.Clone()
	conf.NextProtos = nil
	conf.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if slices.Contains(hello.SupportedProtos, alpnMQTT) {
			return chosen, nil
		}
		return nil, nil // conf itself
	}
	return conf
}
