package proxy_test

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// untold is what nobody is told of besides the end of the connection.
var untold = proxy.Unheard{}

// Connections that end before their CONNECT is whole are told of, each once, with the words of the
// metrics and of the log; what is told of otherwise is not told again.
func TestObserverOfTheUnheard(t *testing.T) {
	ca := proxytest.NewCA(t, "ward")
	overTLS := func(o *options) { o.tls = &tls.Config{Certificates: []tls.Certificate{ca.Issue("localhost")}} }
	required := func(o *options) {
		o.ProxyProtocol = map[string]proxy.ProxyProtocol{"main": {Mode: proxy.ProxyRequired}}
	}
	connect := string(frame(client(packets.V5, "u", "p")))
	for _, tc := range []struct {
		name   string
		change func(*options)
		send   string
		closed string // the connection's end, in the metrics
		want   proxy.Unheard
	}{
		{"no TLS", overTLS, "GET / HTTP/1.1\r\n\r\n", "tls_handshake",
			proxy.Unheard{Reason: "tls_handshake", Handshake: proxy.HandshakeNotTLS, Detail: "does not look like a TLS handshake"}},
		{"gone before TLS", overTLS, "", "tls_handshake",
			proxy.Unheard{Reason: "tls_handshake", Handshake: proxy.HandshakeClosed, Detail: "EOF"}},
		{"no PROXY header", required, connect, "proxy_header",
			proxy.Unheard{Reason: "proxy_header", Detail: "does not begin with a header"}},
		{"a bad PROXY header", required, "PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n" + connect, "proxy_header",
			proxy.Unheard{Reason: "proxy_header", Detail: "proxyproto: can't read address"}},
		{"gone before its CONNECT", nil, "", "no_connect",
			proxy.Unheard{Reason: "no_connect", Detail: "closed before its CONNECT was whole"}},
		{"gone within its CONNECT", nil, connect[:7], "no_connect",
			proxy.Unheard{Reason: "no_connect", Detail: "closed before its CONNECT was whole"}},
		{"refused", nil, "GET / HTTP/1.1\r\n\r\n", "not_mqtt", untold},
		{"denied", func(o *options) { o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, ""))) }, connect, "bad_password", untold},
		{"let in", nil, connect, "client_closed", untold},
	} {
		for _, ofNet := range []bool{false, true} {
			t.Run(tc.name, func(t *testing.T) {
				w := newWitness()
				r := newRig(t, func(o *options) {
					o.Observer, o.ofNet = w, ofNet
					if tc.change != nil {
						tc.change(o)
					}
				})
				before := time.Now()
				c := r.send([]byte(tc.send))
				_ = c.(interface{ CloseWrite() error }).CloseWrite()
				_, _ = io.Copy(io.Discard, c)
				proxytest.Eventually(t, "the connection's end", func() (over bool) {
					w.note(func() { over = w.closed[tc.closed] == 1 })
					return over
				})
				w.mu.Lock()
				defer w.mu.Unlock()
				if tc.want == untold {
					if len(w.unheard) > 0 {
						t.Errorf("got %+v, want nothing", w.unheard)
					}
					return
				}
				if len(w.unheard) != 1 || len(w.refusals) > 0 {
					t.Fatalf("got %+v and %+v, want one", w.unheard, w.refusals)
				}
				got := w.unheard[0]
				if !strings.Contains(got.Detail, tc.want.Detail) {
					t.Errorf("detail: got %q, want %q in it", got.Detail, tc.want.Detail)
				}
				if got.Time.Before(before) || got.Conn != 1 || got.Listener != "main" || got.Remote.String() != c.LocalAddr().String() ||
					got.Reason != tc.want.Reason || got.Handshake != tc.want.Handshake {
					t.Errorf("got %+v, want %+v of %v", got, tc.want, c.LocalAddr())
				}
			})
		}
	}
}

// Who gives way to others is counted as that.
func TestWhoGivesWayIsNotUnheard(t *testing.T) {
	w := newWitness()
	r := newRig(t, func(o *options) { o.Observer, o.Limits.MaxHandshakes = w, 1 })
	c := r.dial()
	r.dial()
	readAll(t, c)
	w.note(func() {
		if len(w.unheard) > 0 {
			t.Errorf("got %+v, want nothing", w.unheard)
		}
	})
}
