package daemon

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// The keys of session tickets in these tests: 32 bytes each, in base64.
const (
	ticketKeyA = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=\n"
	ticketKeyB = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=\n"
)

// fleet is a listener's files, and what clients of it need.
type fleet struct {
	t      *testing.T
	dir    string
	ca     *proxytest.CA // of the server and of the clients
	broker *proxytest.Broker
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), ca: proxytest.NewCA(t, "fleet"), broker: proxytest.NewBroker(t, proxytest.BrokerOptions{})}
	proxytest.WriteFiles(t, f.ca.Issue("server"), filepath.Join(f.dir, "cert.pem"), filepath.Join(f.dir, "key.pem"))
	f.write("ca.pem", string(f.ca.PEM()))
	f.write("tickets", ticketKeyA)
	f.write("crl.pem", string(f.ca.CRL(time.Now().Add(48*time.Hour))))
	return f
}

// write writes a file that nobody else may read.
func (f *fleet) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// listener is a TLS listener's tables, with more keys in that of its TLS.
func (f *fleet) listener(name, more string) string {
	return "[[listener]]\nname = \"" + name + "\"\nbind = \"127.0.0.1:0\"\n[listener.tls]\ncert_file = \"cert.pem\"\nkey_file = \"key.pem\"\n" + more
}

// upstream is the rest of a configuration that lets everybody in.
func (f *fleet) upstream() string {
	return "[upstream]\naddresses = [\"" + f.broker.Addr() + "\"]\n[auth]\nallow_anonymous = true\n"
}

const withTickets = "session_ticket_keys_file = \"tickets\"\n"
const withClients = "client_auth = \"require\"\nclient_ca_file = \"ca.pem\"\n"

// client is what a device remembers from one connection to the next.
func (f *fleet) client(version uint16, certs ...tls.Certificate) *tls.Config {
	return &tls.Config{
		RootCAs: f.ca.Pool(), ServerName: "localhost", MaxVersion: version, Certificates: certs,
		ClientSessionCache: tls.NewLRUClientSessionCache(4),
	}
}

// enters connects to a listener, and reports whether it is let in and whether it resumed a session.
func (r *running) enters(listener string, client *tls.Config) (in, resumed bool) {
	r.t.Helper()
	conn := tls.Client(r.dial(listener), client)
	defer conn.Close()
	if conn.Handshake() != nil {
		return false, false
	}
	// In TLS 1.3 the client is done before it is judged.
	connect := packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte("c")})
	if _, err := conn.Write(connect); err != nil {
		return false, false
	}
	_, err := conn.Read(make([]byte, 4)) // and the ticket before it
	return err == nil, conn.ConnectionState().DidResume
}

// want wants a client to be let in, or not, by a resumed session or a new one.
func (r *running) want(what, listener string, client *tls.Config, in, resumed bool) {
	r.t.Helper()
	gotIn, gotResumed := r.enters(listener, client)
	if gotIn != in || gotResumed != resumed {
		r.t.Errorf("%s: let in %v, resumed %v; want %v and %v; the log:\n%s", what, gotIn, gotResumed, in, resumed, r.log)
	}
}

// When the list in force is too old stands in the metrics, by listener.
func TestListOfRevokedCertificatesIsShown(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	text := f.listener("mqtts", withClients+"crl_file = \"crl.pem\"\n") + f.listener("other", withClients) + f.upstream()
	r := runReloading(t, f.dir, text)
	for _, in := range []time.Duration{30 * time.Hour, 90 * time.Hour} {
		due := time.Now().Add(in).Truncate(time.Second)
		f.write("crl.pem", string(f.ca.CRL(due)))
		r.reload(text, `"reloaded"`)
		proxytest.Eventually(t, "the new list", func() bool {
			lists := r.state().RevocationLists
			return len(lists) == 1 && lists["mqtts"].Equal(due)
		})
	}
}

// A list that is too old lets nobody in who shows a certificate, after a start as after a reload, and the
// log says so as of a fault; who needs none is served, and the next list mends it.
func TestAListThatIsTooOldRefusesAllCertificates(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	text := f.listener("mqtts", withClients+"crl_file = \"crl.pem\"\n") + plain(f.broker.Addr()) + jsonLog
	client := f.client(0, f.ca.Issue("device"))
	old, valid := f.ca.CRL(time.Now().Add(-time.Minute)), f.ca.CRL(time.Now().Add(48*time.Hour))
	f.write("crl.pem", string(old))
	r := runReloading(t, f.dir, text)
	r.want("from the start on", "mqtts", client, false, false)
	r.awaitLog(`"cert_subject":"CN=device","reason":"client_revoked","error":"client certificate: the list of what \"CN=fleet\" has revoked is too old`)
	mustConnect(t, r.dial("mqtt"), packets.V311)
	f.write("crl.pem", string(valid))
	r.reload(text, "reloaded\"")
	r.want("with a new one", "mqtts", client, true, false)
	f.write("crl.pem", string(old))
	r.reload(text, `"problem":"c.toml:9: listener[0].tls.crl_file: `)
	r.awaitLog(`"reloaded"`)
	r.want("after a reload", "mqtts", client, false, false)
	mustConnect(t, r.dial("mqtt"), packets.V311)
}

var bothVersions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// A ticket remembers a certificate. Who is revoked afterwards does not come in with it, and who is
// not resumes as before.
func TestResumedSessionOfARevokedCertificate(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	text := f.listener("mqtts", withTickets+withClients+"crl_file = \"crl.pem\"\n") + f.upstream()
	r := runReloading(t, f.dir, text)
	for _, version := range bothVersions {
		badCert := f.ca.Issue("bad")
		good, bad := f.client(version, f.ca.Issue("good")), f.client(version, badCert)
		for _, resumed := range []bool{false, true} {
			r.want("good", "mqtts", good, true, resumed)
			r.want("bad", "mqtts", bad, true, resumed)
		}
		f.write("crl.pem", string(f.ca.CRL(time.Now().Add(48*time.Hour), badCert)))
		r.reload(text, `"reloaded"`)
		before := len(r.log.String())
		if in, _ := r.enters("mqtts", bad); in {
			t.Errorf("%s: a revoked certificate was let in with its ticket", tls.VersionName(version))
		}
		proxytest.Eventually(t, "the reason in the log", func() bool { return strings.Contains(r.log.String()[before:], "is revoked") })
		r.want("good, after the list", "mqtts", good, true, true)
		r.want("bad, without its ticket", "mqtts", f.client(version, badCert), false, false)
	}
}

// A ticket is good for the listener that gave it, and for its authorities, only.
func TestTicketOfAnotherListener(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	foreign := proxytest.NewCA(t, "foreign")
	f.write("foreign.pem", string(foreign.PEM()))
	f.write("both.pem", string(f.ca.PEM())+string(foreign.PEM()))
	lax := strings.ReplaceAll(withClients, "ca.pem", "foreign.pem")
	config := func(strict string) string {
		return f.listener("strict", withTickets+strict) + f.listener("twin", withTickets+strict) + f.listener("lax", withTickets+lax) + f.upstream()
	}
	r := runReloading(t, f.dir, config(withClients))
	for _, version := range bothVersions {
		device := f.client(version, f.ca.Issue("device"))
		r.want("first", "strict", device, true, false)
		r.want("with its ticket", "strict", device, true, true)
		r.want("at a listener with the same settings", "twin", device, true, false)

		stranger := f.client(version, foreign.Issue("stranger"))
		r.want("stranger", "lax", stranger, true, false)
		r.want("stranger with the other's ticket", "strict", stranger, false, false)

		// And of a time when another authority was accepted.
		r.reload(config(strings.ReplaceAll(withClients, "ca.pem", "both.pem")), `"reloaded"`)
		guest := f.client(version, foreign.Issue("guest"))
		r.want("guest", "strict", guest, true, false)
		r.want("guest with its ticket", "strict", guest, true, true)
		r.reload(config(withClients), `"reloaded"`)
		r.want("guest whose authority is gone", "strict", guest, false, false)
	}
}

// Replicas with the same file resume each other's sessions; a key that is no longer the first makes
// no tickets, and is accepted until it is taken away.
func TestTicketKeysAreSharedAndRotate(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	text := f.listener("mqtts", withTickets) + f.upstream()
	for _, version := range bothVersions {
		f.write("tickets", ticketKeyA)
		one := runReloading(t, f.dir, text)
		client := f.client(version)
		one.want("new", "mqtts", client, true, false)
		two := runReloading(t, f.dir, text)
		two.want("at the replica", "mqtts", client, true, true)

		old := f.client(version)
		one.want("old", "mqtts", old, true, false)
		f.write("tickets", ticketKeyB+ticketKeyA)
		one.reload(text, `"reloaded"`)
		one.want("with the older key", "mqtts", client, true, true)
		f.write("tickets", ticketKeyB)
		one.reload(text, `"reloaded"`)
		one.want("with the ticket that the newer key made", "mqtts", client, true, true)
		one.want("with the older key, which is gone", "mqtts", old, true, false)
	}
}

// A broken file of keys changes nothing, and no key of it is told.
func TestBrokenTicketKeysChangeNothing(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	text := f.listener("mqtts", withTickets) + f.upstream()
	r := runReloading(t, f.dir, text)
	client := f.client(tls.VersionTLS13)
	r.want("new", "mqtts", client, true, false)
	f.write("tickets", ticketKeyA+"c2hvcnQ=\n")
	r.reload(text, "the old configuration stays")
	r.awaitLog("line 2 has 5 bytes")
	r.want("after a broken file", "mqtts", client, true, true)
	if runtime.GOOS == "windows" {
		return
	}
	f.write("tickets", ticketKeyA)
	for mode, told := range map[os.FileMode]string{0o660: "0660", 0o604: "0604", 0o620: "0620"} {
		if err := os.Chmod(filepath.Join(f.dir, "tickets"), mode); err != nil {
			t.Fatal(err)
		}
		r.reload(text, "the old configuration stays")
		r.awaitLog("its mode is " + told)
	}
	r.want("after a file that others may read", "mqtts", client, true, true)
	if err := os.Chmod(filepath.Join(f.dir, "tickets"), 0o400); err != nil {
		t.Fatal(err)
	}
	r.reload(text, "reloaded\"")
	if strings.Contains(r.log.String(), "YWFh") || strings.Contains(r.log.String(), "c2hv") {
		t.Errorf("a key is in the log:\n%s", r.log)
	}
}
