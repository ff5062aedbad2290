package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// Several certificates on one listener, of which one is renewed, and then broken.
func TestCertificatesByName(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	install := func(name, cn string) {
		cert := f.ca.IssueAs(cn, func(c *x509.Certificate) { c.DNSNames = []string{name} })
		proxytest.WriteFiles(t, cert, filepath.Join(f.dir, name+".crt"), filepath.Join(f.dir, name+".key"))
	}
	install("a.example", "a1")
	install("b.example", "b1")
	more := ""
	for _, name := range []string{"a.example", "b.example"} {
		more += "[[listener.tls.certificate]]\ncert_file = \"" + name + ".crt\"\nkey_file = \"" + name + ".key\"\n"
	}
	text := f.listener("mqtts", more) + f.upstream()
	r := runReloading(t, f.dir, text)
	shown := func(name string) string {
		conn := tls.Client(r.dial("mqtts"), &tls.Config{RootCAs: f.ca.Pool(), ServerName: name})
		if err := conn.Handshake(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	want := func(name, cn string) {
		t.Helper()
		if got := shown(name); got != cn {
			t.Errorf("%s: got %q, want %q", name, got, cn)
		}
	}
	want("localhost", "server")
	want("a.example", "a1")
	want("b.example", "b1")
	install("b.example", "b2")
	r.reload(text, `"reloaded"`)
	want("b.example", "b2")
	want("a.example", "a1")
	write(t, filepath.Join(f.dir, "a.example.key"), "broken")
	r.reload(text, "the old configuration stays")
	r.awaitLog("listener[0].tls.certificate[0].cert_file")
	want("a.example", "a1")

	names := []string{}
	for _, c := range r.generation().certificates() {
		names = append(names, c.Name)
	}
	if want := []string{"listener mqtts", "listener mqtts certificate[0]", "listener mqtts certificate[1]"}; !slices.Equal(names, want) {
		t.Errorf("certificates: got %q, want %q", names, want)
	}
}

// Faults of the files that TLS settings name, each with its place; what is one by now; and what is only doubted.
func TestFaultsOfTLSFiles(t *testing.T) {
	f := newFleet(t)
	stranger := proxytest.NewCA(t, "stranger")
	f.write("stranger.crl", string(stranger.CRL(time.Now().Add(48*time.Hour))))
	f.write("old.crl", string(f.ca.CRL(time.Now().Add(-time.Minute))))
	f.write("both.pem", string(f.ca.PEM())+string(stranger.PEM()))
	nameless := f.ca.IssueAs("nameless", func(c *x509.Certificate) { c.DNSNames = nil })
	proxytest.WriteFiles(t, nameless, filepath.Join(f.dir, "nameless.crt"), filepath.Join(f.dir, "nameless.key"))
	for name, tc := range map[string]struct{ more, fault, lapsed, warning string }{
		"good":                   {withClients + "crl_file = \"crl.pem\"\n", "", "", ""},
		"list of a stranger":     {withClients + "crl_file = \"stranger.crl\"\n", "c.toml:9: listener[0].tls.crl_file: ", "", ""},
		"list missing":           {withClients + "crl_file = \"none\"\n", "c.toml:9: listener[0].tls.crl_file: read ", "", ""},
		"list too old":           {withClients + "crl_file = \"old.crl\"\n", "", "c.toml:9: listener[0].tls.crl_file: ", ""},
		"authority without list": {strings.ReplaceAll(withClients, "ca.pem", "both.pem") + "crl_file = \"crl.pem\"\n", "", "", "c.toml:9: listener[0].tls.crl_file: "},
		"keys missing":           {"session_ticket_keys_file = \"none\"\n", "c.toml:7: listener[0].tls.session_ticket_keys_file: read ", "", ""},
		"no DNS name":            {"[[listener.tls.certificate]]\ncert_file = \"nameless.crt\"\nkey_file = \"nameless.key\"\n", "", "", "c.toml:8: listener[0].tls.certificate[0].cert_file: "},
	} {
		c := parse(t, f.dir, f.listener("mqtts", tc.more)+f.upstream())
		d, err := New(c, Options{})
		switch {
		case tc.fault == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.fault != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.fault) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %v, want one fault %q", name, err, tc.fault)
		}
		if err != nil {
			continue
		}
		d.Close()
		if got := Problems(d.Lapsed()).Error(); !strings.HasPrefix(got, tc.lapsed) || (tc.lapsed == "") != (got == "") {
			t.Errorf("%s: got %q that has lapsed, want %q", name, got, tc.lapsed)
		}
		warnings := ""
		for _, w := range d.Warnings() {
			if w.Key != "auth.allow_anonymous" {
				warnings += w.String() + "\n"
			}
		}
		if !strings.HasPrefix(warnings, tc.warning) || strings.Count(warnings, "\n") > 1 || (tc.warning == "") != (warnings == "") {
			t.Errorf("%s: got warnings %q, want %q", name, warnings, tc.warning)
		}
	}
}
