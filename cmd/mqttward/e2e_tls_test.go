package main_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

func TestListenerWantsACertificate(t *testing.T) {
	t.Parallel()
	ca, stranger := proxytest.NewCA(t, "clients'"), proxytest.NewCA(t, "stranger")
	cert, key := ca.IssueFiles("localhost")
	b := startEmbedded(t)
	w := startWard(t, tlsListener(cert, key, `client_auth = "require"`, fmt.Sprintf("client_ca_file = %q", ca.File())),
		upstreamAt(b.addr()), sampleTokens)
	trusting := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
	with := func(c tls.Certificate) *tls.Config {
		conf := trusting.Clone()
		// Unasked for, so that a stranger's is sent too.
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
		return conf
	}
	hello := packets.AppendConnect(nil, rawProfile("5.0", "bare"))
	for name, conf := range map[string]*tls.Config{"none": trusting, "a stranger's": with(stranger.Issue("device"))} {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", w.addr("tls"), conf)
		if err != nil {
			continue // TLS 1.2 would tell here
		}
		conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write(hello)
		if got, err := io.ReadAll(conn); len(got) > 0 || err == nil {
			t.Errorf("certificate %s: got % x, %v; want a failed handshake", name, got, err)
		}
		conn.Close()
	}
	proxytest.Eventually(t, "the log tells of both", func() bool { return w.log.lines("TLS handshake failed") == 2 })
	if got := b.accepted(); got != 0 {
		t.Errorf("the refused clients made %d connections to the broker, want none", got)
	}
	for _, version := range versions {
		echo(connect(t, w.addr("tls"), profile{version: version, id: "d" + version, tls: with(ca.Issue("device"))}))
	}
}
