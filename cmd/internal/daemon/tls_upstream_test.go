package daemon

import (
	"crypto/tls"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"mqttward/proxy/proxytest"
)

// What the broker is shown, and by what it is judged, is read anew too; a broken file changes nothing.
func TestReloadOfTheUpstreamsCertificates(t *testing.T) {
	proxytest.CheckLeaks(t)
	ca, other := proxytest.NewCA(t, "broker"), proxytest.NewCA(t, "other")
	var mu sync.Mutex
	var seen []string
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{TLS: &tls.Config{
		Certificates: []tls.Certificate{ca.Issue("broker")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		VerifyConnection: func(s tls.ConnectionState) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, s.PeerCertificates[0].Subject.CommonName)
			return nil
		},
	}})
	dir := t.TempDir()
	show := func(name string) {
		proxytest.WriteFiles(t, ca.Issue(name), filepath.Join(dir, "me.crt"), filepath.Join(dir, "me.key"))
	}
	trust := func(pem []byte) { write(t, filepath.Join(dir, "ca.pem"), string(pem)) }
	show("first")
	trust(ca.PEM())
	text := plain(b.Addr()) + "[upstream.tls]\nca_file = \"ca.pem\"\ncert_file = \"me.crt\"\nkey_file = \"me.key\"\nserver_name = \"localhost\"\n"
	r := runReloading(t, dir, text)
	want := func(code byte, names ...string) {
		t.Helper()
		if got := r.answer("u", "p"); got != code {
			t.Errorf("got code %d, want %d; the log:\n%s", got, code, r.log)
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(seen, names) {
			t.Errorf("the broker was shown %q, want %q", seen, names)
		}
	}
	want(0, "first")
	show("second")
	r.reload(text, "reloaded\"")
	want(0, "first", "second")
	write(t, filepath.Join(dir, "me.key"), "broken")
	r.reload(text, "the old configuration stays")
	want(0, "first", "second", "second")
	show("third")
	trust([]byte("broken"))
	r.reload(text, "the old configuration stays")
	want(0, "first", "second", "second", "second")
	trust(other.PEM())
	r.reload(text, "reloaded\"")
	want(3, "first", "second", "second", "second")
	trust(ca.PEM())
	r.reload(text, "reloaded\"")
	want(0, "first", "second", "second", "second", "third")
}
