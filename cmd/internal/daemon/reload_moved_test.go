package daemon

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Behind a balancer on the same machine everybody may send a header: at the address that is yet open to all,
// whoever did could pretend any address, and whoever did not would be closed.
func TestAProxyProtocolForAnotherAddressWantsARestart(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	direct := plain(b.Addr())
	behind := strings.Replace(direct, "[upstream]", "proxy_protocol = \"required\"\n[upstream]", 1)
	elsewhere := strings.Replace(behind, "127.0.0.1:0", "127.0.0.1:9", 1)
	r := runReloading(t, t.TempDir(), direct)
	r.reload(elsewhere, "reloaded")
	r.awaitLog("a new proxy_protocol beside a new bind address wants a restart")
	mustConnect(t, r.dial("mqtt"), packets.V311)
	r.reload(behind, "reloaded")
	conn := r.dial("mqtt")
	if _, err := conn.Write([]byte("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")); err != nil {
		t.Fatal(err)
	}
	mustConnect(t, conn, packets.V311)
}

// To ask for no certificate may be right at the address that is to be opened, and not at the one that is.
func TestToAskLessOfCertificatesAtAnotherAddressWantsARestart(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	const withList = withClients + "crl_file = \"crl.pem\"\n"
	here := func(settings string) string { return f.listener("mqtts", settings) + f.upstream() }
	revoked := f.ca.Issue("revoked")
	f.write("crl.pem", string(f.ca.CRL(time.Now().Add(48*time.Hour), revoked)))
	r := runReloading(t, f.dir, here(withList))
	known, without, listed := f.client(0, f.ca.Issue("device")), f.client(0), f.client(0, revoked)
	for _, settings := range []string{"", strings.Replace(withList, "require", "request", 1), withClients} {
		r.reload(strings.Replace(here(settings), "127.0.0.1:0", "127.0.0.1:9", 1), "to ask less of clients' certificates beside a new bind address wants a restart")
		for what, c := range map[*tls.Config]bool{known: true, without: false, listed: false} {
			if in, _ := r.enters("mqtts", what); in != c {
				t.Errorf("%q elsewhere: a client is let in: %v, want %v", settings, in, c)
			}
		}
	}
	r.reload(here(""), "new TLS settings")
	if in, _ := r.enters("mqtts", without); !in {
		t.Error("none is asked for here, and a client without a certificate is not let in")
	}
}
