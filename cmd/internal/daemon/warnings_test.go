package daemon

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/config"
	"mqttward/proxy/proxytest"
)

// base is a configuration's beginning, six lines, without any authentication.
const base = `[[listener]]
name = "mqtt"
bind = "127.0.0.1:0"
[upstream]
addresses = ["127.0.0.1:1"]

`

// aliceHash is a mosquitto hash of "wonderland".
const aliceHash = "$6$MDEyMzQ1Njc4OWFi$5X1J/NGh4bFWFyFTvu4B+80xJ+wxkcNEKZQlB3bm9NvWe28HuYqAS4gFPm8l8Cg2qUyXpd3rik8dXbpuZCPF0g=="

// alice is a built-in user.
const alice = "[[auth.builtin.user]]\nname = \"alice\"\npassword_hash = \"" + aliceHash + "\"\n"

// files makes a folder with files that configurations name.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"users":  "alice:wonderland\n",
		"secret": "0123456789abcdef\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// places reduces problems to their file, line and key.
func places(dir string, problems []config.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		p.Text = ""
		b.WriteString(strings.TrimSuffix(strings.TrimPrefix(p.String(), dir+"/"), ": ") + "\n")
	}
	return b.String()
}

func TestWarningsHaveTheirPlace(t *testing.T) {
	const bound = "[auth.jwt.claims]\nusername = \"%u\"\n"
	dir := files(t)
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", base + "[auth.jwt]\nsecret_file = \"secret\"\n" + bound, ""},
		{"a token bound to nothing", base + "[auth.jwt]\nsecret_file = \"secret\"\n", "c.toml:7: auth.jwt.claims\n"},
		{"a short secret", base + "[auth.jwt]\nsecret = \"short\"\n" + bound, "c.toml:8: auth.jwt.secret\n"},
		{"what config warns of is there too", base + "[auth.jwt]\nsecret_file = \"secret\"\nverify_claims = false\n" + bound,
			"c.toml:10: auth.jwt.claims\nc.toml:10: auth.jwt.claims\n"},
		{"users that were dropped come last", base + "[auth.builtin]\nusers_file = \"users\"\nstrict = false\n[auth.jwt]\nsecret = \"short\"\n",
			"c.toml:10: auth.jwt.claims\nc.toml:11: auth.jwt.secret\nusers\nusers:1\n"},
		{"a listed user with a weak hash", base + "[[auth.builtin.user]]\nname = \"a\"\npassword_hash = \"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\"\n",
			"c.toml:9: auth.builtin.user[0].password_hash\n"},
		{"EMQX's keys without a file of EMQX", base + "[auth.builtin]\nusers_file = \"users\"\nstrict = false\nsalt_position = \"suffix\"\n",
			"c.toml:7: auth.builtin.algorithm\nusers\nusers:1\n"},
		{"users by client id, whose user name nobody proves",
			base + "[auth.builtin]\nidentity = \"client_id\"\n[[auth.builtin.user]]\nname = \"a\"\npassword_hash = \"" + aliceHash + "\"\n", "c.toml:8: auth.builtin.identity\n"},
		{"a claim for the broker that users have not",
			base + "[upstream.credentials]\nmode = \"replace\"\nusername = \"%{claim:sub}\"\n[auth]\nallow_anonymous = true\n[auth.jwt]\nsecret_file = \"secret\"\n" + bound,
			"c.toml:9: upstream.credentials.username\n"},
		{"client ids by a proven user name", base + "[auth]\nclient_id_must = \"%u-*\"\n[auth.jwt]\nsecret_file = \"secret\"\n" + bound, ""},
		{"client ids by a claim bind a token", base + "[auth]\nclient_id_must = \"%{claim:sub}\"\n[auth.jwt]\nsecret_file = \"secret\"\n", ""},
		{"client ids by a user name that nobody proves",
			base + "[auth]\nclient_id_must = \"%u\"\n[auth.jwt]\nsecret_file = \"secret\"\n[auth.jwt.claims]\nsub = \"%c\"\n", "c.toml:8: auth.client_id_must\n"},
		{"client ids by a user name whose claim is not judged",
			base + "[auth]\nclient_id_must = \"%u\"\n[auth.jwt]\nverify_claims = false\nsecret_file = \"secret\"\n" + bound,
			"c.toml:8: auth.client_id_must\nc.toml:12: auth.jwt.claims\nc.toml:12: auth.jwt.claims\n"},
		{"client ids by a user name, of anonymous clients",
			base + "[auth]\nallow_anonymous = true\nclient_id_must = \"%u\"\n[auth.jwt]\nsecret_file = \"secret\"\n" + bound, "c.toml:9: auth.client_id_must\n"},
		{"client ids by a claim that users have not",
			base + "[auth]\nclient_id_must = \"%{claim:sub}\"\n" + alice + "[auth.jwt]\nsecret_file = \"secret\"\n" + bound, "c.toml:8: auth.client_id_must\n"},
		{"client ids without a name in them", base + "[auth]\nclient_id_must = \"dev-*\"\n" + alice, "c.toml:8: auth.client_id_must\n"},
		{"client ids without a separator", base + "[auth]\nclient_id_must = \"dev-%u*\"\n" + alice, "c.toml:8: auth.client_id_must\n"},
	} {
		d, err := New(parse(t, dir, tc.text), Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got := places(dir, d.Warnings()); got != tc.want {
			t.Errorf("%s: got\n%swant\n%s%s", tc.name, got, tc.want, d.Warnings())
		}
		d.Close()
	}
}

// All faults are told at once, those of the configuration in its order, and then those of
// the files that it names.
func TestFaultsAreTogetherAndInOrder(t *testing.T) {
	proxytest.CheckLeaks(t)
	dir := files(t)
	c := parse(t, dir, base+`[auth.builtin]
users_file = "users"
[[auth.builtin.user]]
name = "bob"
password_hash = "builder"
[auth.jwt]
public_key_file = "secret"
[auth.jwt.claims]
username = "%z"
[[listener]]
name = "tls"
bind = "127.0.0.1:0"
[listener.tls]
cert_file = "absent"
key_file = "secret"
`)
	d, err := New(c, Options{})
	var problems Problems
	if d != nil || !errors.As(err, &problems) {
		t.Fatalf("New: got %v, %v; want Problems", d, err)
	}
	want := `c.toml:11: auth.builtin.user[0].password_hash
c.toml:13: auth.jwt.public_key_file
c.toml:15: auth.jwt.claims.username
c.toml:20: listener[1].tls.cert_file
users:1
`
	if got := places(dir, problems); got != want {
		t.Errorf("got\n%swant\n%s%v", got, want, err)
	}
	for _, secret := range []string{"wonderland", "builder", "0123456789abcdef"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error quotes %q:\n%v", secret, err)
		}
	}
}

// Files that have no end, or are none, are told rather than read.
func TestFilesThatAreNone(t *testing.T) {
	dir := files(t)
	for _, key := range []string{"[auth.builtin]\nusers_file", "[auth.jwt]\npublic_key_file"} {
		for _, file := range []string{"/dev/zero", "."} {
			_, err := New(parse(t, dir, base+key+" = \""+file+"\"\n"), Options{})
			if err == nil || !strings.Contains(err.Error(), "not a file") || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("%s = %s: got %v, want one line that says so", key, file, err)
			}
		}
	}
}

func TestCertificatesThatAreNotValidAreWarnedOf(t *testing.T) {
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		from, to time.Duration
		want     string
	}{
		"valid":     {-day, 60 * day, ""},
		"expired":   {-3 * day, -day, "has expired on"},
		"not yet":   {day, 60 * day, "is valid from"},
		"ends soon": {-day, 13 * day, "expires on"},
	} {
		b := &builder{config: parse(t, t.TempDir(), plain("127.0.0.1:1"))}
		now := time.Now()
		b.warnOfDates("listener[0].tls.cert_file", &x509.Certificate{NotBefore: now.Add(tc.from), NotAfter: now.Add(tc.to)})
		var got string
		for _, w := range b.warnings {
			got += w.Text
		}
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestFolderOfTheKeyCacheIsMissed(t *testing.T) {
	d, err := New(parse(t, t.TempDir(), base+"[auth.jwt]\njwks_url = \"https://h/\"\njwks_cache_file = \"no/such/folder/keys\"\n[auth.jwt.claims]\nusername = \"%u\"\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got, want := places("", d.Warnings()), "c.toml:9: auth.jwt.jwks_cache_file\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
