package config

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProblemFindsThePlace(t *testing.T) {
	c := mustParse(t, full2, "MQTTWARD_LOG_LEVEL=debug", "MQTTWARD_UPSTREAM_TLS_CA_FILE=/ca")
	for _, tt := range []struct{ key, want string }{
		{"listener[0].bind", "c.toml:3: listener[0].bind: bad 1"},
		{"listener[1].tls.cert_file", "c.toml:8: listener[1].tls.cert_file: bad 1"},
		{"listener[1].tls.min_version", "c.toml:7: listener[1].tls.min_version: bad 1"},
		{"upstream.addresses[1]", "c.toml:12: upstream.addresses[1]: bad 1"},
		{"auth.builtin.user[1].password_hash", "c.toml:18: auth.builtin.user[1].password_hash: bad 1"},
		{JoinKey("auth.jwt.claims", "https://example.org/a.b[0]"), `c.toml:23: auth.jwt.claims."https://example.org/a.b[0]": bad 1`},
		{"limits.max_connections", "c.toml: limits.max_connections: bad 1"},
		{"log.level", "$MQTTWARD_LOG_LEVEL: log.level: bad 1"},
		{"upstream.tls.ca_file", "$MQTTWARD_UPSTREAM_TLS_CA_FILE: upstream.tls.ca_file: bad 1"},
		{"", "c.toml: bad 1"},
	} {
		if got := c.Problem(tt.key, "bad %d", 1).String(); got != tt.want {
			t.Errorf("Problem(%q): got %s, want %s", tt.key, got, tt.want)
		}
	}
}

const full2 = `[[listener]]
name = "a"
bind = ":1"
[[listener]]
name = "b"
bind = ":2"
[listener.tls]
cert_file = "c"
key_file = "k"
[upstream]
addresses = ["a:1",
  "b:2"]
[[auth.builtin.user]]
name = "a"
password_hash = "x"
[[auth.builtin.user]]
name = "b"
password_hash = "y"
[auth.jwt]
secret = "0123456789abcdef"
[auth.jwt.claims]
a = "%u"
"https://example.org/a.b[0]" = "x"
`

func TestAllProblemsTogetherAndSorted(t *testing.T) {
	got := problemLines(t, "[log]\nlevel = 5\nfoo = 1\n[limits]\ndial_timeout = 5\n[upstream]\n", environment("MQTTWARD_LIMITS_MAX_CONNECTIONS=x"))
	want := `c.toml:2: log.level: must be a string in quotes, not a bare number
c.toml:3: log.foo: unknown key
c.toml:5: limits.dial_timeout: must be a duration with a unit, such as "5s", not a bare number
c.toml:6: upstream.addresses: is missing: write the broker's address, such as addresses = ["127.0.0.1:1884"]
$MQTTWARD_LIMITS_MAX_CONNECTIONS: limits.max_connections: must be a whole number, such as 1
`
	if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 6 {
		t.Errorf("got\n%s\nwant these, and two more:\n%s", got, want)
	}
}

func TestLoadResolvesPathsFromTheFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.toml")
	if err := os.WriteFile(file, []byte(base+"public_key_file = \"keys.pem\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	c, err := Load(filepath.Join(filepath.Base(dir), "c.toml"), environment())
	if err != nil {
		t.Fatal(err)
	}
	got, err := filepath.EvalSymlinks(filepath.Dir(c.Auth.JWT.PublicKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got != want || filepath.Base(c.Auth.JWT.PublicKeyFile) != "keys.pem" {
		t.Errorf("got %s, want keys.pem in %s", c.Auth.JWT.PublicKeyFile, want)
	}
}

func TestLoadUsesTheProcessEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(file, []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MQTTWARD_LIMITS_MAX_HANDSHAKES", "9")
	t.Setenv("MQTTWARD_NO_SUCH_KEY_AT_ALL", "1")
	c, err := Load(file, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Limits.MaxHandshakes; got != 9 {
		t.Errorf("max_handshakes: got %d, want 9", got)
	}
	if w := c.Warnings(); len(w) != 1 || w[0].File != "$MQTTWARD_NO_SUCH_KEY_AT_ALL" {
		t.Errorf("got warnings %v, want one of MQTTWARD_NO_SUCH_KEY_AT_ALL", w)
	}
}

func TestLoadTellsWhyTheFileCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	missing, large := filepath.Join(dir, "missing"), filepath.Join(dir, "large")
	if err := os.WriteFile(large, []byte(strings.Repeat("#\n", maxFile/2)+"#"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{missing, missing + ": read config: no such file or directory"},
		{dir, dir + ": read config: is a directory"},
		{large, large + ": read config: the file is larger than 1MiB"},
	} {
		_, err := Load(tt.path, environment())
		var all *Errors
		if !errors.As(err, &all) || err.Error() != tt.want {
			t.Errorf("Load(%s): got %T %v, want *Errors %s", tt.path, err, err, tt.want)
		}
	}
	if _, err := Load(missing, environment()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of a missing file: got %v, want fs.ErrNotExist in it", err)
	}
}

// A secret that came from its file has no key of its own in the source.
func TestProblemOfASecretFromAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "s"), []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Parse([]byte(without("secret")+"secret_file = \"s\"\n"), "c.toml", dir, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Problem("auth.jwt.secret", "bad").String(), "c.toml:7: auth.jwt.secret_file: bad"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemsCanBeToldInTheLogsFormat(t *testing.T) {
	auto := Log{Level: slog.LevelInfo, Format: LogAuto}
	for _, tt := range []struct {
		name, text string
		env        []string
		want       Log
		known      bool
	}{
		{"not given", "x = 1\n", nil, auto, true},
		{"given", "x = 1\n[log]\nlevel = \"warn\"\nformat = \"json\"\n", nil, Log{Level: slog.LevelWarn, Format: LogJSON}, true},
		{"by the environment", "x = 1\n", []string{"MQTTWARD_LOG_FORMAT=text"}, Log{Level: slog.LevelInfo, Format: LogText}, true},
		{"a faulty value", "[log]\nlevel = \"loud\"\nformat = \"json\"\n", nil, Log{}, false},
		{"an unknown key", "[log]\nlvl = \"warn\"\n", nil, Log{}, false},
		{"a faulty variable", "x = 1\n", []string{"MQTTWARD_LOG_FORMAT=xml"}, Log{}, false},
		{"several tables", "[[log]]\n", nil, Log{}, false},
		{"no table", "log = 1\n", nil, Log{}, false},
		{"no TOML", "[log", nil, Log{}, false},
	} {
		_, err := Parse([]byte(tt.text), "c.toml", t.TempDir(), environment(tt.env...))
		var all *Errors
		if !errors.As(err, &all) {
			t.Fatalf("%s: got %v, want faults", tt.name, err)
		}
		if got, ok := all.Log(); got != tt.want || ok != tt.known {
			t.Errorf("%s: got %+v, %t; want %+v, %t", tt.name, got, ok, tt.want, tt.known)
		}
	}
}
