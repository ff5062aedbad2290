package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// The client, the proxy and the broker share this process and its processors: compare the
// ratios to "direct", where there is no proxy, rather than the figures.

// discard logs as a daemon does, to nowhere.
func discard(o *options) { o.Log = slog.New(slog.NewJSONHandler(io.Discard, nil)) }

// tokenChain is a JWT stage for one signer, and a token for it.
func tokenChain(b *testing.B, alg string) (*auth.Chain, string) {
	b.Helper()
	s := authtest.NewSigner(alg, 1)
	o := jwt.Options{Log: slog.New(slog.DiscardHandler)}
	if alg[:2] == "HS" {
		o.Secret = s.Secret()
	} else {
		o.PublicKeyPEM = s.PublicPEM()
	}
	stage, err := jwt.New(o)
	if err != nil {
		b.Fatal(err)
	}
	return chainOf(b, stage), s.Sign(map[string]any{"sub": "device-1"})
}

// BenchmarkConnect is from the first SYN to the broker's CONNACK, and the close.
func BenchmarkConnect(b *testing.B) {
	connect := func(b *testing.B, addr, token string) {
		packet := frame(client(packets.V5, "device-1", token))
		answer := make([]byte, len(accepting(packets.V5)))
		b.ReportAllocs()
		for b.Loop() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.Write(packet); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, answer); err != nil {
				b.Fatal(err)
			}
			c.(*net.TCPConn).SetLinger(0) // no port is left waiting
			c.Close()
		}
	}
	b.Run("direct", func(b *testing.B) {
		connect(b, proxytest.NewBroker(b, proxytest.BrokerOptions{}).Addr(), "token")
	})
	for _, alg := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			chain, token := tokenChain(b, alg)
			r := newRig(b, func(o *options) { discard(o); o.Chain = chain })
			connect(b, r.addr, token)
		})
	}
	b.Run("refused", func(b *testing.B) {
		chain, token := tokenChain(b, "HS256")
		r := newRig(b, func(o *options) { discard(o); o.Chain = chain })
		connect(b, r.addr, token+"A") // the answer is as long as an accepting one
	})
}

// stream makes a session, or a connection without a proxy.
func stream(b *testing.B, kind string, broker proxytest.BrokerOptions) net.Conn {
	b.Helper()
	if kind == "direct" {
		c, err := net.Dial("tcp", proxytest.NewBroker(b, broker).Addr())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		if _, err := c.Write(frame(client(packets.V5, "u", "p"))); err != nil {
			b.Fatal(err)
		}
		read(b, c, accepting(packets.V5))
		return c
	}
	ca := proxytest.NewCA(b, "bench")
	r := newRig(b, func(o *options) {
		discard(o)
		o.broker = broker
		if kind == "tls" {
			o.tls = proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
		}
	})
	if kind == "plain" {
		return r.connected(client(packets.V5, "u", "p"))
	}
	c := tls.Client(r.dial(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
	if _, err := c.Write(frame(client(packets.V5, "u", "p"))); err != nil {
		b.Fatal(err)
	}
	read(b, c, accepting(packets.V5))
	return c
}

// BenchmarkRoundTrip is a PUBLISH of 64 bytes to the broker and back.
func BenchmarkRoundTrip(b *testing.B) {
	for _, kind := range []string{"direct", "plain", "tls"} {
		b.Run(kind, func(b *testing.B) {
			c := stream(b, kind, proxytest.BrokerOptions{})
			message := append([]byte{0x30, 62, 0, 1, 't'}, bytes.Repeat([]byte{'x'}, 59)...)
			answer := make([]byte, len(message))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(message); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkThroughput is a one-way stream of PUBLISHes of 1 KiB, 64 of them in a write.
func BenchmarkThroughput(b *testing.B) {
	for _, kind := range []string{"direct", "plain", "tls"} {
		b.Run(kind, func(b *testing.B) {
			received := make(chan int64, 1)
			c := stream(b, kind, proxytest.BrokerOptions{Handle: func(conn net.Conn) {
				n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn}, make([]byte, 256<<10))
				received <- n
			}})
			message := append([]byte{0x30, 0xFD, 0x07, 0, 1, 't'}, bytes.Repeat([]byte{'x'}, 1018)...)
			batch := bytes.Repeat(message, 64)
			b.SetBytes(int64(len(batch)))
			sent := int64(0)
			for b.Loop() {
				if _, err := c.Write(batch); err != nil {
					b.Fatal(err)
				}
				sent += int64(len(batch))
			}
			c.(interface{ CloseWrite() error }).CloseWrite()
			if got := <-received; got != sent {
				b.Errorf("the broker got %d bytes of %d", got, sent)
			}
		})
	}
}
