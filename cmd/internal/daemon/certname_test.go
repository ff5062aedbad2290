package daemon

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/url"
	"strings"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// code connects over TLS and returns the code of the CONNACK.
func (r *running) code(client *tls.Config, c *packets.Connect) byte {
	r.t.Helper()
	conn := tls.Client(r.dial("mqtts"), client)
	defer conn.Close()
	got := make([]byte, 4)
	if _, err := conn.Write(packets.AppendConnect(nil, c)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, got); err != nil {
		r.t.Fatal(err)
	}
	return got[3]
}

// The name in a client's certificate stands for %n: in what a token must say, in the client id, and
// in what the broker is told. Who has none is refused wherever it is named.
func TestNameOfTheCertificateInTemplates(t *testing.T) {
	proxytest.CheckLeaks(t)
	f := newFleet(t)
	device := func(names ...string) tls.Certificate {
		return f.ca.IssueAs("device", func(c *x509.Certificate) {
			for _, name := range names {
				u, err := url.Parse("urn:dev:" + name)
				if err != nil {
					t.Fatal(err)
				}
				c.URIs = append(c.URIs, u)
			}
		})
	}
	tls7, nameless, double, none := f.client(0, device("7")), f.client(0, device()), f.client(0, device("7", "8")), f.client(0)
	token := func(device string) []byte {
		return []byte(authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(map[string]any{"device": device}))
	}
	text := f.listener("mqtts", "client_auth = \"request\"\nclient_ca_file = \"ca.pem\"\nusername_from = \"san_uri\"\n") +
		"[upstream]\naddresses = [\"" + f.broker.Addr() + "\"]\n"
	jwt := "[auth.jwt]\nsecret = \"" + authtest.SampleSecret + "\"\n"
	replace := "[upstream.credentials]\nmode = \"replace\"\nusername = \"dev/%n\"\n"
	for _, tc := range []struct {
		name, more string
		client     *tls.Config
		id, token  string
		want       byte
	}{
		{"declaration that holds", jwt + "[auth.jwt.claims]\ndevice = \"%n\"\n", tls7, "c", "urn:dev:7", 0},
		{"another's token", jwt + "[auth.jwt.claims]\ndevice = \"%n\"\n", tls7, "c", "urn:dev:8", 5},
		{"declaration without a certificate", jwt + "[auth.jwt.claims]\ndevice = \"%n\"\n", none, "c", "", 5},
		{"declaration without a name", jwt + "[auth.jwt.claims]\ndevice = \"%n\"\n", nameless, "c", "", 5},
		{"declaration with two names", jwt + "[auth.jwt.claims]\ndevice = \"%n\"\n", double, "c", "urn:dev:7", 5},
		{"client id that holds", "[auth]\nallow_anonymous = true\nclient_id_must = \"%n/*\"\n", tls7, "urn:dev:7/x", "", 0},
		{"another's client id", "[auth]\nallow_anonymous = true\nclient_id_must = \"%n/*\"\n", tls7, "urn:dev:8/x", "", 5},
		{"client id without a certificate", "[auth]\nallow_anonymous = true\nclient_id_must = \"%n/*\"\n", none, "/x", "", 5},
		{"replaced", replace + "[auth]\nallow_anonymous = true\n", tls7, "c", "", 0},
		{"replaced without a certificate", replace + "[auth]\nallow_anonymous = true\n", none, "c", "", 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runReloading(t, f.dir, text+tc.more)
			before := f.broker.Accepted()
			c := &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte(tc.id), HasUserName: true, UserName: []byte("u"), HasPassword: true, Password: token(tc.token)}
			for range 2 { // the second resumes
				if got := r.code(tc.client, c); got != tc.want {
					t.Errorf("got code %d, want %d; the log:\n%s", got, tc.want, r.log)
				}
			}
			if n := f.broker.Accepted() - before; tc.want != 0 && n > 0 {
				t.Errorf("the broker saw %d connections of who was refused", n)
			}
			if all := f.broker.Connects(); tc.name == "replaced" && !bytes.Contains(all[len(all)-1], []byte("\x00\x0ddev/urn:dev:7")) {
				t.Errorf("the broker got % x, want the user name dev/urn:dev:7", all[len(all)-1])
			}
			if tc.client == tls7 && !strings.Contains(r.log.String(), `"cert_name":"urn:dev:7"`) {
				t.Errorf("no cert_name in the log:\n%s", r.log)
			}
		})
	}
}

// A template with %n wants a listener whose clients have one.
func TestTemplatesWithACertificatesName(t *testing.T) {
	f := newFleet(t)
	named := f.listener("mqtts", withClients+"username_from = \"cn\"\n")
	optional := f.listener("mqtts", strings.Replace(withClients, "require", "request", 1)+"username_from = \"cn\"\n")
	unnamed := f.listener("other", withClients)
	rest := "[upstream]\naddresses = [\"127.0.0.1:1\"]\n"
	uses := map[string]string{
		"auth.client_id_must":           "[auth]\nallow_anonymous = true\nclient_id_must = \"%n\"\n",
		"auth.jwt.claims.sub":           "[auth.jwt]\nsecret = \"0123456789abcdef\"\n[auth.jwt.claims]\nsub = \"%n\"\nuser = \"%u\"\n",
		"upstream.credentials.username": "[upstream.credentials]\nmode = \"replace\"\nusername = \"%n\"\n[auth]\nallow_anonymous = true\n",
	}
	for key, use := range uses {
		for name, tc := range map[string]struct {
			listeners      string
			fault, warning string
		}{
			"named":    {named, "", ""},
			"optional": {optional, "", "clients of mqtts that show none are refused"},
			"some":     {named + unnamed, "", "the clients of other are refused"},
			"none":     {unnamed, "no listener takes one", ""},
		} {
			d, err := New(parse(t, f.dir, tc.listeners+rest+use), Options{})
			if tc.fault != "" {
				if err == nil || !strings.Contains(err.Error(), ": "+key+": ") || !strings.Contains(err.Error(), tc.fault) {
					t.Errorf("%s, %s: got %v, want the fault %q", key, name, err, tc.fault)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", key, name, err)
				continue
			}
			d.Close()
			var got string
			for _, w := range d.Warnings() {
				if w.Key == key {
					got += w.Text
				}
			}
			if (got == "") != (tc.warning == "") || !strings.Contains(got, tc.warning) {
				t.Errorf("%s, %s: got the warning %q, want %q", key, name, got, tc.warning)
			}
		}
	}
}

// Explain takes the name in the certificate as it is told, and without one judges as the listener
// does.
func TestExplainOfACertificatesName(t *testing.T) {
	f := newFleet(t)
	c := parse(t, f.dir, f.listener("mqtts", withClients+"username_from = \"cn\"\n")+"[upstream]\naddresses = [\"127.0.0.1:1\"]\n"+
		"[auth]\nallow_anonymous = true\nclient_id_must = \"%n\"\n")
	for name, want := range map[string]string{"meter-7": "accept", "meter-8": "deny", "": "deny"} {
		r, err := Explain(t.Context(), c, ExplainOptions{CertName: name, Client: ExplainClient{ClientID: "meter-7"}, Log: NewLogger(config.Log{}, &logText{})})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != want || r.Client.CertName != name {
			t.Errorf("%q: got %+v of %+v, want %s", name, r, r.Client, want)
		}
	}
}
