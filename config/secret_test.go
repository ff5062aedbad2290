package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingPrintsASecret prints a configuration that is full of secrets in every way that
// logs and error texts use.
func TestNothingPrintsASecret(t *testing.T) {
	c := mustParse(t, base+`jwks_url = "https://a/"
jwks_headers.Authorization = "hunter2-header"
[upstream.credentials]
mode = "replace"
username = "p"
password = "hunter2-password"
[[auth.builtin.user]]
name = "a"
password_hash = "hunter2-hash"
`, "MQTTWARD_AUTH_JWT_SECRET=hunter2-secret")
	if got := string(c.Auth.JWT.Secret.Reveal()); got != "hunter2-secret" {
		t.Fatalf("the test's secret did not arrive: %q", got)
	}
	// A holder whose field is not exported: fmt calls no methods there.
	holder := struct {
		config Config
		jwt    JWT
		user   User
		head   map[string]Secret
	}{*c, *c.Auth.JWT, c.Auth.Builtin.Users[0], c.Auth.JWT.JWKS.Headers}

	var out bytes.Buffer
	values := []any{
		c, *c, c.Auth, c.Auth.JWT, *c.Auth.JWT, *c.Auth.JWT.JWKS, *c.Auth.Builtin, c.Upstream, holder, &holder,
		c.Auth.JWT.Secret, &c.Auth.JWT.Secret, c.Auth.JWT.JWKS.Headers,
	}
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("json.Marshal(%T): %v", v, err)
		}
		out.Write(b)
	}
	for _, secret := range []string{"hunter2", fmt.Sprintf("%x", "hunter2"), fmt.Sprintf("%X", "hunter2"), "[104 117 110"} {
		if i := strings.Index(out.String(), secret); i >= 0 {
			t.Errorf("%q is printed: ...%s", secret, out.String()[max(i-200, 0):i+10])
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Errorf("%q is never printed", redacted)
	}
}

// TestNoProblemQuotesASecret makes mistakes in and around secrets.
func TestNoProblemQuotesASecret(t *testing.T) {
	for _, m := range mistakes {
		if strings.Contains(m.want, "hunter") || strings.Contains(m.want, "12345") {
			t.Errorf("%s: the problem quotes the secret: %s", m.name, m.want)
		}
	}
	for _, s := range []string{
		"secret = hunter2", "secret = 7hunter2", "secret = \"hunter2", "secret = \"hunter2\\q\"", "secret = 'hunter2\nhunter2",
		"secret = \"\\xhunter2\"", "secret = \"a\\uhunter2\"", "secret = [hunter2]", "secret = {a = hunter2}", "secret = .hunter2",
		"secret = +hunter2", "secret = 0xhunter2", "secret = infhunter2", "secret = 2024-01-01hunter2", "secret = \"\"hunter2\"\"",
		"secret = 1_hunter2", "secret hunter2", "secret = = hunter2", "secret = \"x\" hunter2", "secret = \"\"\"x\"\"\"\"\"\"hunter2",
		"secret = \"${hunter2\"", "secret = \"${hunter2 }\"",
	} {
		if got := problemLines(t, "[auth.jwt]\n"+s+"\n", environment()); strings.Contains(got, "hunter2") {
			t.Errorf("%s: the problem quotes the secret: %s", s, got)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, content, want, problem string }{
		{"plain", "s3cret", "s3cret", ""},
		{"line", "s3cret\n", "s3cret", ""},
		{"crlf", "s3cret\r\n", "s3cret", ""},
		{"lines", "s3cret\n\n", "s3cret\n", ""},
		{"blank", " s3cret ", " s3cret ", ""},
		{"dollar", "${HOME}", "${HOME}", ""},
		{"bytes", "\x00\xff", "\x00\xff", ""},
		{"largest", strings.Repeat("x", maxSecretFile), strings.Repeat("x", maxSecretFile), ""},
		{"larger", strings.Repeat("x", maxSecretFile+1), "", "more than 64KiB, which no secret needs"},
		{"empty", "\n", "", "the file is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, tt.name)
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			src := without("secret") + "secret_file = \"" + tt.name + "\"\n"
			c, err := Parse([]byte(src), "c.toml", dir, environment())
			if tt.problem != "" {
				want := "c.toml:7: auth.jwt.secret_file: read " + path + ": " + tt.problem
				if err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(c.Auth.JWT.Secret.Reveal()); got != tt.want {
				t.Errorf("content %.20q: got %.20q, want %.20q", tt.content, got, tt.want)
			}
		})
	}
}

func TestUnsetSecret(t *testing.T) {
	for _, s := range []Secret{{}, NewSecret("")} {
		if s.IsSet() || s.Reveal() != nil || s.String() != redacted {
			t.Errorf("got %v, %q, %s; want false, nil, %s", s.IsSet(), s.Reveal(), s, redacted)
		}
	}
}

func TestDecodeBase64(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"aHVudGVyMg==", "hunter2", true},
		{"aHVudGVyMg", "hunter2", true},
		{"+/+/", "\xfb\xff\xbf", true},
		{"-_-_", "\xfb\xff\xbf", true},
		{"-/+_", "", false},
		{"aHVudGVyMh==", "", false}, // unused bits set
		{"aHVu\ndGVyMg==", "", false},
		{"aHVudGVyMg=", "", false},
		{"hunter2!", "", false},
	} {
		got, err := decodeBase64(tt.in)
		if string(got) != tt.want || (err == nil) != tt.ok {
			t.Errorf("decodeBase64(%q): got %q, %v; want %q, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}
