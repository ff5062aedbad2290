package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestVariablesOverruleTheFile(t *testing.T) {
	c := mustParse(t, base+"leeway = \"1s\"\n[log]\nlevel = \"error\"\n",
		"MQTTWARD_LOG_LEVEL=debug", "MQTTWARD_AUTH_JWT_LEEWAY=3s", "MQTTWARD_AUTH_JWT_CHECK_IAT=false",
		"MQTTWARD_LIMITS_MAX_HANDSHAKES=7", "MQTTWARD_LIMITS_MAX_CONNECT_SIZE=1MiB",
		"MQTTWARD_AUTH_JWT_SECRET=${not expanded}", "MQTTWARD_UPSTREAM_TLS_SERVER_NAME=broker",
		"MQTTWARD_LOG_FORMAT=")
	j := c.Auth.JWT
	if c.Log.Level != slog.LevelDebug || j.Leeway != 3*time.Second || j.CheckIAT ||
		c.Limits.MaxHandshakes != 7 || c.Limits.MaxConnectSize != 1<<20 {
		t.Errorf("got %+v %+v %+v, want what the variables say", c.Log, j, c.Limits)
	}
	if got, want := string(j.Secret.Reveal()), "${not expanded}"; got != want {
		t.Errorf("secret: got %q, want %q", got, want)
	}
	if c.Upstream.TLS == nil || c.Upstream.TLS.ServerName != "broker" {
		t.Errorf("a table of which a variable sets a key: got %+v, want it written", c.Upstream.TLS)
	}
	if c.Log.Format != LogAuto {
		t.Errorf("an empty variable: got format %q, want the default", c.Log.Format)
	}
}

func TestVariablesAloneConfigureTokens(t *testing.T) {
	c := mustParse(t, without("[auth", "secret"), "MQTTWARD_AUTH_JWT_SECRET=0123456789abcdef")
	if c.Auth.JWT == nil || !c.Auth.JWT.Secret.IsSet() {
		t.Errorf("got %+v, want a secret", c.Auth.JWT)
	}
}

func TestVariableOfASecretOverrulesItsOtherForm(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ src, variable, want string }{
		{without("secret") + "secret_file = \"/no/such/file\"\n", "MQTTWARD_AUTH_JWT_SECRET=direct", "direct"},
		{base, "MQTTWARD_AUTH_JWT_SECRET_FILE=" + file, "from the file"},
	} {
		c := mustParse(t, tt.src, tt.variable)
		if got := string(c.Auth.JWT.Secret.Reveal()); got != tt.want {
			t.Errorf("%q with %s: got %q, want %q", tt.src, tt.variable, got, tt.want)
		}
	}
}

func TestFaultsOfVariablesNameThem(t *testing.T) {
	for _, tt := range []struct{ variable, want string }{
		{"MQTTWARD_LOG_LEVEL=loud", `$MQTTWARD_LOG_LEVEL: log.level: must be "debug", "info", "warn" or "error", not "loud"`},
		{"MQTTWARD_AUTH_JWT_CHECK_IAT=yes", "$MQTTWARD_AUTH_JWT_CHECK_IAT: auth.jwt.check_iat: must be true or false"},
		{"MQTTWARD_LIMITS_MAX_HANDSHAKES=many", "$MQTTWARD_LIMITS_MAX_HANDSHAKES: limits.max_handshakes: must be a whole number, such as 1024"},
		{"MQTTWARD_AUTH_JWT_LEEWAY=5", `$MQTTWARD_AUTH_JWT_LEEWAY: auth.jwt.leeway: must be a duration with a unit, such as "5s", not "5"`},
	} {
		if got := problemLines(t, base, environment(tt.variable)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.variable, got, tt.want)
		}
	}
}

func TestVariablesDiffer(t *testing.T) {
	seen := map[string]string{}
	for pattern, k := range knownKeys(t) {
		if other := seen[k.variable]; k.variable != "" && other != "" {
			t.Errorf("%s is the variable of %s and of %s", k.variable, pattern, other)
		}
		if k.variable != "" && foreignVariable(k.variable) {
			t.Errorf("%s of %s is taken for a variable of others", k.variable, pattern)
		}
		seen[k.variable] = pattern
	}
}

func TestExpand(t *testing.T) {
	lookup := environment("A=1", "B=${A}", "EMPTY=").LookupEnv
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{"", "", true},
		{"plain", "plain", true},
		{"${A}", "1", true},
		{"x${A}y${A}z", "x1y1z", true},
		{"${B}", "${A}", true},
		{"${EMPTY}", "", true},
		{"$${A}", "${A}", true},
		{"$$${A}", "$${A}", true},
		{"$A $ $$ %u", "$A $ $$ %u", true},
		{"$2b$10$abc", "$2b$10$abc", true},
		{"${UNSET}", "", false},
		{"${}", "", false},
		{"${A", "", false},
		{"${A-B}", "", false},
		{"${1}", "", false},
	} {
		got, err := expand(tt.in, lookup)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("expand(%q): got %q, %v; want %q, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
	}
}
