package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// examine returns what is found about a configuration, a line for each with its severity first.
func examine(t *testing.T, dir, text string) string {
	t.Helper()
	d, err := New(parse(t, dir, text), Options{})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	defer d.Close()
	return lines(d.Examine(t.Context()))
}

func lines(found []Finding) string {
	var out strings.Builder
	for _, f := range found {
		fmt.Fprintf(&out, "%s %s\n", [...]string{"good", "doubtful", "bad"}[f.Severity], f.Text)
	}
	return out.String()
}

// wants fails for each text that is not in got.
func wants(t *testing.T, name, got string, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(got, want) {
			t.Errorf("%s: got\n%swant %q in it", name, got, want)
		}
	}
}

// quick is for a broker that says nothing: others may take their time.
const quick = "[limits]\nconnack_timeout = \"300ms\"\ndial_timeout = \"300ms\"\n"

func TestExamineAsksTheBrokerByMQTT(t *testing.T) {
	proxytest.CheckLeaks(t)
	refusing := packets.AppendConnack(nil, packets.V5, packets.NotAuthorized, "go away")
	replace := "[upstream.credentials]\nmode = \"replace\"\nusername = \"u-%c\"\npassword = \"pw\"\n"
	for _, tc := range []struct {
		name    string
		connack []byte // nil accepts, empty says nothing
		conf    string
		want    string
	}{
		{"accepts", nil, "", "good broker ADDRESS: reached in "},
		{"accepts, and says so", nil, "", ", accepts a client of MQTT 5.0"},
		{"refuses, and credentials are forwarded", refusing, "", "doubtful broker ADDRESS: reached in "},
		{"refuses, and says how", refusing, "", "refuses a client without credentials with 0x87 (Not authorized, \"go away\"): it judges clients itself"},
		{"refuses, and they are stripped", refusing, "[upstream.credentials]\nmode = \"strip\"\n", "bad broker ADDRESS: "},
		{"refuses those that we give it", refusing, replace, "refuses the user of upstream.credentials with 0x87"},
		{"says nothing", []byte{}, "", "bad broker ADDRESS: "},
		{"says nothing, in time", []byte{}, "", "does not answer a CONNECT: nothing came within "},
		{"speaks 3.1.1 alone", []byte{0x20, 2, 0, 1}, "", "speaks MQTT 3.1.1 and not 5.0"},
	} {
		b := proxytest.NewBroker(t, proxytest.BrokerOptions{Connack: tc.connack})
		conf := tc.conf
		if tc.connack != nil && len(tc.connack) == 0 {
			conf += quick
		}
		got := examine(t, t.TempDir(), plain(b.Addr())+conf)
		wants(t, tc.name, got, strings.ReplaceAll(tc.want, "ADDRESS", b.Addr()))
		for _, raw := range b.Connects() {
			var c packets.Connect
			if err := packets.ParseConnect(raw, &c); err != nil || !strings.HasPrefix(string(c.ClientID), "mqttward-check-") {
				t.Errorf("%s: the broker got % x", tc.name, raw)
			}
			if want := "u-" + string(c.ClientID); tc.conf == replace && (string(c.UserName) != want || string(c.Password) != "pw") {
				t.Errorf("%s: the broker got the user %q, want %q and its password", tc.name, c.UserName, want)
			}
		}
		if len(b.Connects()) == 0 {
			t.Errorf("%s: the broker was not asked", tc.name)
		}
		b.Close()
	}
	wants(t, "nobody there", examine(t, t.TempDir(), plain("127.0.0.1:1")), "bad broker: no upstream is available: dial upstream 127.0.0.1:1: ")
}

func TestExamineWaitsNoLongerForASilentBrokerThanDialTimeout(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{Connack: []byte{}})
	begin := time.Now()
	got := examine(t, t.TempDir(), plain(b.Addr())+"[limits]\ndial_timeout = \"300ms\"\n")
	wants(t, "silent", got, "does not answer a CONNECT: nothing came within 300ms")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v, with connack_timeout at its 30s", took)
	}
}

func TestExamineTellsOfTheBrokersCertificate(t *testing.T) {
	proxytest.CheckLeaks(t)
	ca := proxytest.NewCA(t, "authority")
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{TLS: &tls.Config{Certificates: []tls.Certificate{ca.Issue("broker")}}})
	tlsConf := func(ca string) string { return fmt.Sprintf("[upstream.tls]\nca_file = %q\n", ca) }
	wants(t, "trusted", examine(t, t.TempDir(), plain(b.Addr())+tlsConf(ca.File())), "its certificate: ", " left, until ", "accepts a client")
	other := proxytest.NewCA(t, "other")
	wants(t, "of another authority", examine(t, t.TempDir(), plain(b.Addr())+tlsConf(other.File())), "bad broker: ", "certificate")
}

func TestExamineListsTheKeySet(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	body := `{"keys":[
		{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty":"oct","kid":"shared","k":"aHVudGVyMg"}]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/empty" {
			fmt.Fprint(w, `{"keys":[]}`)
			return
		}
		if r.URL.Path != "/keys" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, body)
	}))
	defer s.Close()
	dir := t.TempDir()
	conf := func(path string) string {
		return plain(b.Addr()) + "[auth.jwt]\njwks_cache_file = \"cache\"\njwks_url = \"" + s.URL + path + "\"\n[auth.jwt.claims]\nusername = \"%u\"\n"
	}
	got := examine(t, dir, conf("/keys"))
	wants(t, "good", got, "good key set "+s.URL+"/keys: fetched in ", "2 of 3 keys can be used",
		`good   key "ed": Ed25519, verifies EdDSA`, "good   a key without kid: Ed25519, verifies EdDSA", `doubtful key set `, `key "shared" is passed over: kty is oct`)
	if strings.Contains(got, "aHVudGVyMg") {
		t.Errorf("a key is shown:\n%s", got)
	}
	wants(t, "absent", examine(t, dir, conf("/absent")), "bad key set "+s.URL+"/absent: status 404")
	wants(t, "empty", examine(t, dir, conf("/empty")), "bad key set "+s.URL+"/empty: fetched in ", "0 of 0 keys can be used")
	if _, err := os.Stat(filepath.Join(dir, "cache")); err == nil {
		t.Error("the cache file was written")
	}
}

func TestExamineReckonsWithPorts(t *testing.T) {
	for _, tc := range []struct {
		addresses string
		clients   int
		ports     int
		want      string
	}{
		{`"a:1"`, 28232, 28232, "good source ports: 28232 for each address"},
		{`"a:1"`, 28233, 28232, "doubtful source ports: 28233 clients may connect, and from one address of this machine there are 28232 connections to the one address"},
		{`"a:1", "b:1"`, 28233, 28232, "good"},
		{`"a:1", "b:1"`, 60000, 28232, "there are 56464 connections to the 2 addresses"},
		{`"unix:/run/b.sock"`, 60000, 28232, ""},
		{`"a:1"`, 60000, 0, ""},
	} {
		g := &generation{config: parse(t, t.TempDir(), strings.Replace(plain("x:1"), `"x:1"`, tc.addresses, 1))}
		g.policy.Limits.MaxConnections = tc.clients
		got := lines(g.examinePorts(tc.ports))
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s, %d clients, %d ports: %q, want %q", tc.addresses, tc.clients, tc.ports, got, tc.want)
		}
	}
}

func TestExamineWarnsOfWhatIsDangerous(t *testing.T) {
	const remote, secret = "192.0.2.1:1883", "[auth.jwt]\nsecret = \"4f7d0a6b8e2c4f7d0a6b8e2c4f7d0a6b\"\n"
	user := "[auth.builtin]\n[[auth.builtin.user]]\nname = \"alice\"\npassword_hash = \"" + aliceHash + "\"\n"
	closed := func(upstream string) string {
		return strings.Replace(plain(upstream), "allow_anonymous = true\n", "", 1)
	}
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", closed("127.0.0.1:1") + secret, ""},
		{"tokens on this machine", closed("localhost:1") + secret, ""},
		{"tokens in clear", closed(remote) + secret, "doubtful broker 192.0.2.1:1883: tokens are forwarded there in clear"},
		{"passwords in clear", closed(remote) + user, "doubtful broker 192.0.2.1:1883: passwords are forwarded there in clear"},
		{"tokens over TLS", closed(remote) + secret + "[upstream.tls]\nenabled = true\n", ""},
		{"tokens that are stripped", closed(remote) + secret + "[upstream.credentials]\nmode = \"strip\"\n", ""},
		{"a published secret", closed("127.0.0.1:1") + "[auth.jwt]\nsecret = \"your-256-bit-secret\"\n", "bad auth.jwt.secret: it is printed in public documentation"},
		{"anonymous", plain("127.0.0.1:1"), "doubtful auth.allow_anonymous: "},
		{"admin here", closed("127.0.0.1:1") + secret + "[admin]\nbind = \"127.0.0.1:9\"\n", ""},
		{"admin elsewhere", closed("127.0.0.1:1") + secret + "[admin]\nbind = \"0.0.0.0:9\"\ntoken = \"0123456789abcdefx\"\n", "doubtful admin.bind: 0.0.0.0:9 can be reached"},
	} {
		g := &generation{config: parse(t, t.TempDir(), tc.text)}
		got := lines(g.examineDangers())
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestExamineTellsOfCertificates(t *testing.T) {
	ca := proxytest.NewCA(t, "authority")
	cert := ca.Issue("server")
	leaf, authority := cert.Leaf, ca.Issue("someone else").Leaf
	for name, tc := range map[string]struct {
		at    time.Time
		chain []*x509.Certificate
		want  string
	}{
		"good":              {leaf.NotAfter.Add(-20*24*time.Hour - time.Minute), []*x509.Certificate{leaf}, "good x: 20 days left, until "},
		"soon":              {leaf.NotAfter.Add(-13 * 24 * time.Hour), []*x509.Certificate{leaf}, "doubtful x: 13 days left"},
		"over":              {leaf.NotAfter.Add(time.Minute), []*x509.Certificate{leaf}, "bad x: expired on "},
		"not yet":           {leaf.NotBefore.Add(-time.Minute), []*x509.Certificate{leaf}, "bad x: not valid before "},
		"a chain of others": {leaf.NotAfter.Add(-time.Hour), []*x509.Certificate{leaf, authority}, "certificate 1 of the chain is not signed by the next one"},
		"names":             {leaf.NotAfter.Add(-time.Hour), []*x509.Certificate{leaf}, "; for localhost"},
		"signers":           {leaf.NotAfter.Add(-time.Hour), []*x509.Certificate{leaf}, " < CN=authority"},
	} {
		if got := lines(certificate("x", tc.chain, tc.at)); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
