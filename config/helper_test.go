package config

import (
	"errors"
	"strings"
	"testing"
)

// base is a file without faults. The mistakes of a test stand before or after it.
const base = `[[listener]]
name = "mqtt"
bind = "0.0.0.0:1883"
[upstream]
addresses = ["127.0.0.1:1884"]
[auth.jwt]
secret = "0123456789abcdef"
`

// environment returns options that see the variables given as NAME=value and no others.
func environment(vars ...string) LoadOptions {
	return LoadOptions{
		LookupEnv: func(name string) (string, bool) {
			for _, v := range vars {
				if n, value, _ := strings.Cut(v, "="); n == name {
					return value, true
				}
			}
			return "", false
		},
		Environ: func() []string { return vars },
	}
}

// mustParse parses a text that has no faults.
func mustParse(t *testing.T, src string, vars ...string) *Config {
	t.Helper()
	c, err := Parse([]byte(src), "c.toml", t.TempDir(), environment(vars...))
	if err != nil {
		t.Fatalf("Parse(%q): %v", src, err)
	}
	return c
}

// problemLines parses a text that has faults and returns them as lines.
func problemLines(t *testing.T, src string, o LoadOptions) string {
	t.Helper()
	c, err := Parse([]byte(src), "c.toml", "/etc/mqttward", o)
	if err == nil {
		t.Fatalf("Parse(%q): no error", src)
	}
	if c != nil {
		t.Errorf("Parse(%q): a Config beside the error", src)
	}
	var all *Errors
	if !errors.As(err, &all) || len(all.Problems) == 0 {
		t.Fatalf("Parse(%q): %T %v, want *Errors with problems", src, err, err)
	}
	return err.Error()
}

// without returns base without the lines that begin with one of the prefixes.
func without(prefixes ...string) string {
	var b strings.Builder
lines:
	for line := range strings.Lines(base) {
		for _, p := range prefixes {
			if strings.HasPrefix(line, p) {
				continue lines
			}
		}
		b.WriteString(line)
	}
	return b.String()
}
