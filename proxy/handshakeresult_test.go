package proxy_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/secure"
)

// handshakes is an observer that counts how TLS handshakes end.
type handshakes struct {
	*witness
	results [16]atomic.Int32
	resumed atomic.Int32
}

func (h *handshakes) Secured(r proxy.HandshakeResult, resumed bool) {
	h.results[r].Add(1)
	if resumed {
		h.resumed.Add(1)
	}
}

func TestHandshakeResults(t *testing.T) {
	ours, theirs := proxytest.NewCA(t, "ours"), proxytest.NewCA(t, "theirs")
	server := &tls.Config{
		Certificates: []tls.Certificate{ours.Issue("127.0.0.1")}, MinVersion: tls.VersionTLS13,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ours.Pool(),
	}
	good := &tls.Config{RootCAs: ours.Pool(), ServerName: "127.0.0.1"}
	shows := func(cert tls.Certificate) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		}
	}
	stolen := ours.Issue("device")
	stolen.PrivateKey = ours.Issue("thief").PrivateKey
	with := func(change func(*tls.Config)) func(net.Conn) {
		conf := good.Clone()
		change(conf)
		return func(c net.Conn) {
			secure := tls.Client(c, conf)
			if secure.Handshake() == nil {
				_, _ = secure.Read(make([]byte, 1)) // the server's alert, in TLS 1.3
			}
		}
	}
	for _, tc := range []struct {
		want    proxy.HandshakeResult
		timeout time.Duration
		do      func(net.Conn)
		server  func(*tls.Config)
	}{
		{proxy.HandshakeOK, 0, func(c net.Conn) { _ = tls.Client(c, good).Handshake() }, nil},
		{proxy.HandshakeTimeout, 50 * time.Millisecond, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, nil},
		{proxy.HandshakeClosed, 0, func(c net.Conn) {}, nil},
		{proxy.HandshakeNotTLS, 0, func(c net.Conn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n") }, nil},
		{proxy.HandshakeVersion, 0, with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), nil},
		{proxy.HandshakeCipherSuite, 0, with(func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		}), func(s *tls.Config) {
			s.MinVersion, s.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}},
		{proxy.HandshakeNoCertificate, 0, with(func(c *tls.Config) {}), func(s *tls.Config) {
			s.ClientAuth = tls.RequireAndVerifyClientCert
		}},
		{proxy.HandshakeCertificate, 0, with(shows(theirs.Issue("device"))), nil},
		{proxy.HandshakeRevoked, 0, with(shows(ours.Issue("device"))), func(s *tls.Config) {
			s.VerifyConnection = (&secure.Verifier{Authorities: s.ClientCAs, Revocations: &secure.Revocations{}}).VerifyConnection
		}},
		{proxy.HandshakeAlert, 0, with(func(c *tls.Config) { c.RootCAs = theirs.Pool() }), nil},
		{proxy.HandshakeOther, 0, with(shows(stolen)), nil},
	} {
		t.Run(tc.want.String(), func(t *testing.T) {
			h := &handshakes{witness: newWitness()}
			r := newRig(t, func(o *options) {
				o.Observer, o.tls = h, server.Clone()
				if tc.server != nil {
					tc.server(o.tls)
				}
				o.Limits.ConnectTimeout = tc.timeout
			})
			c := r.dial()
			tc.do(c)
			c.Close()
			proxytest.Eventually(t, tc.want.String(), func() bool { return h.results[tc.want].Load() == 1 })
			r.server.Close()
			if tc.want != proxy.HandshakeOK {
				r.expectLog("TLS handshake failed", "reason="+tc.want.String()+" ")
			}
			for result := range h.results {
				if n := h.results[result].Load(); n != 0 && result != int(tc.want) {
					t.Errorf("%v was told too", proxy.HandshakeResult(result))
				}
			}
		})
	}
}

// inClear sends alerts as OpenSSL's clients do that do not trust our certificate: in clear, although
// TLS 1.3 has keys by then.
type inClear struct {
	net.Conn
	alert []byte
}

func (c inClear) Write(p []byte) (int, error) {
	const recordHandshake = 22
	if p[0] == recordHandshake { // the hello
		return c.Conn.Write(p)
	}
	_, err := c.Conn.Write(c.alert)
	return len(p), err
}

func TestAlertsInClearAreTheClients(t *testing.T) {
	ours, theirs := proxytest.NewCA(t, "ours"), proxytest.NewCA(t, "theirs")
	for _, tc := range []struct {
		sent []byte
		want proxy.HandshakeResult
		says string
	}{
		{[]byte{21, 3, 3, 0, 2, 2, 48}, proxy.HandshakeAlert, "unknown certificate authority"},
		{[]byte{21, 3, 3, 0, 2, 2, 42}, proxy.HandshakeAlert, "bad certificate"},
		{[]byte{21, 3, 3, 0, 3, 2, 48, 0}, proxy.HandshakeOther, "bad record MAC"},
		{[]byte{23, 3, 3, 0, 2, 2, 48}, proxy.HandshakeOther, "bad record MAC"},
	} {
		h := &handshakes{witness: newWitness()}
		r := newRig(t, func(o *options) {
			o.Observer, o.tls = h, &tls.Config{Certificates: []tls.Certificate{ours.Issue("127.0.0.1")}, MinVersion: tls.VersionTLS13}
		})
		c := r.dial()
		if err := tls.Client(inClear{c, tc.sent}, &tls.Config{RootCAs: theirs.Pool(), ServerName: "127.0.0.1"}).Handshake(); err == nil {
			t.Fatal("the client trusts the certificate")
		}
		proxytest.Eventually(t, tc.want.String(), func() bool { return h.results[tc.want].Load() == 1 })
		c.Close()
		r.server.Close()
		r.expectLog("TLS handshake failed", "reason="+tc.want.String()+" ", tc.says)
	}
}
