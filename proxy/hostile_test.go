package proxy_test

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"

	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// exchange sends a ping through the session, and demands it back.
func exchange(t testing.TB, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte{0xC0, 0}); err != nil {
		t.Fatal(err)
	}
	read(t, c, []byte{0xC0, 0})
}

func TestJunkIsClosedAndDisturbsNobody(t *testing.T) {
	r := newRig(t, nil)
	live := r.connected(client(packets.V5, "u", "p"))
	rnd := rand.New(rand.NewPCG(1, 2))
	valid := frame(client(packets.V5, "user", "password"))
	for i := range 300 {
		junk := make([]byte, 1+rnd.IntN(300))
		for j := range junk {
			junk[j] = byte(rnd.Uint32())
		}
		if i%2 == 0 { // a good packet with one bad byte
			junk = bytes.Clone(valid)
			junk[rnd.IntN(len(junk))] ^= byte(1 + rnd.IntN(255))
		}
		c := r.send(junk)
		c.(*net.TCPConn).CloseWrite()
		c.Close()
	}
	exchange(t, live)
}

func TestDeclaredLengthIsNotAllocated(t *testing.T) {
	r := newRig(t, func(o *options) { o.Limits.MaxConnectSize = 16 << 20 })
	live := r.connected(client(packets.V5, "u", "p"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const clients = 200
	for range clients {
		r.send([]byte{0x10, 0xff, 0xff, 0xff, 0x06}) // 14 MiB are on their way, and never come
	}
	proxytest.Eventually(t, "all were read", func() bool { return r.server.Handshakes() == clients })
	exchange(t, live)
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) / clients; grown > 32<<10 {
		t.Errorf("each of them made the process allocate %d bytes", grown)
	}
}

// Ten thousand half-open connections: those beyond max_handshakes push out the oldest, memory
// stays bounded, live sessions and newcomers are served.
func TestTenThousandHalfOpenConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of sockets")
	}
	const places, flood, atOnce = 1024, 10_000, 3000
	r := newRig(t, func(o *options) { o.Limits.MaxHandshakes = places })
	live := r.connected(client(packets.V5, "u", "p"))
	goroutines := runtime.NumGoroutine()
	var conns []net.Conn
	for i := range flood {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if conns = append(conns, c); len(conns) > atOnce { // this process has to hold both ends
			conns[0].Close()
			conns = conns[1:]
		}
		if i%1000 == 0 {
			exchange(t, live)
			if n := runtime.NumGoroutine(); n > goroutines+4*places {
				t.Errorf("%d goroutines after %d half-open connections", n, i)
			}
		}
	}
	newcomer := r.connected(client(packets.V311, "u", "p"))
	exchange(t, newcomer)
	exchange(t, live)
	for _, c := range conns {
		c.Close()
	}
}

// A hello on the plain port is no CONNECT, and a plain CONNECT on a TLS port no hello.
func TestTLSOnThePlainPortAndTheOtherWayRound(t *testing.T) {
	plain := newRig(t, nil)
	c := plain.dial()
	if err := tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("a TLS handshake with a plain listener succeeded")
	}
	plain.expectLog("reason=not_mqtt", "TLS")
	plain.expectUpstream(0)

	ca := proxytest.NewCA(t, "test")
	secure := newRig(t, func(o *options) {
		o.tls = proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
	})
	// crypto/tls answers with an alert; no CONNACK can be in it.
	if got := secure.answer(frame(client(packets.V5, "u", "p"))); len(got) > 0 && got[0] == 0x20 {
		t.Errorf("got % x", got)
	}
	secure.expectLog("TLS handshake failed")
	secure.expectUpstream(0)
}

// A client's certificate is quoted by the error about it: no more of it than of a client id.
func TestLogOfAHandshakeIsBounded(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	ours, theirs, twin := proxytest.NewCA(t, "ours"), proxytest.NewCA(t, long), proxytest.NewCA(t, long)
	// A chain whose authority has the right name and the wrong key: the error names it.
	chain := theirs.Issue("client")
	block, _ := pem.Decode(twin.PEM())
	chain.Certificate = append(chain.Certificate, block.Bytes)
	r := newRig(t, func(o *options) {
		o.tls = proxy.WithALPN(&tls.Config{
			Certificates: []tls.Certificate{ours.Issue("server")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ours.Pool(),
		})
	})
	c := tls.Client(r.dial(), &tls.Config{
		RootCAs: ours.Pool(), ServerName: "localhost",
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &chain, nil },
	})
	_ = c.Handshake()
	r.expectLog("TLS handshake failed", "error=", "certificate")
	if n := len(r.log.String()); n > 1000 {
		t.Errorf("the log has %d bytes", n)
	}
	r.expectUpstream(0)
}
