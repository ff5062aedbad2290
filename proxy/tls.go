package proxy

import (
	"crypto/tls"
	"slices"
	"sync/atomic"
)

// TLS is a listener's TLS. Its configuration can be changed while the listener serves: each
// handshake takes the one that is in force when it begins. It is safe for concurrent use.
type TLS struct{ conf atomic.Pointer[tls.Config] }

// NewTLS returns a TLS with the configuration conf.
func NewTLS(conf *tls.Config) *TLS {
	t := &TLS{}
	t.Set(conf)
	return t
}

// Set puts conf in force, with session tickets of its own: what an earlier configuration let
// in is judged anew.
func (t *TLS) Set(conf *tls.Config) { t.conf.Store(withALPN(conf)) }

func (t *TLS) config() *tls.Config { return t.conf.Load() }

// alpnMQTT is MQTT's protocol name in ALPN.
const alpnMQTT = "mqtt"

// withALPN returns conf made to select "mqtt" where a client offers it, and to go on without
// ALPN where a client offers anything else, or nothing. crypto/tls on its own refuses a
// client whose offers are all unknown to it; brokers don't.
func withALPN(conf *tls.Config) *tls.Config {
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
