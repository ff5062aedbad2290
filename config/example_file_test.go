package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// knownKeys returns every key that the readers ask for.
func knownKeys(t *testing.T) map[string]schemaKey {
	t.Helper()
	d, _ := read(nil, source{}, "", environment())
	if len(d.schema) < 50 || len(d.problems) > 0 {
		t.Fatalf("got %d keys and problems %v of nothing", len(d.schema), d.problems)
	}
	return d.schema
}

// inComment matches a key or a table's header that is commented out, and nothing else.
var inComment = regexp.MustCompile(`(?m)^# ([a-z0-9_]+ = |[A-Z][A-Za-z]+ = "|\[)`)

// uncommented returns the example with every key active, but for the direct forms of the
// secrets, which exclude their files.
func uncommented() string {
	all := inComment.ReplaceAllString(Example(), "$1")
	return regexp.MustCompile(`(?m)^(secret|password|token) = .*$`).ReplaceAllString(all, "")
}

func TestExampleWorks(t *testing.T) {
	c, err := Parse([]byte(Example()), "example.toml", "/", environment("MQTT_JWT_SECRET=0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("got warnings %v, want none", w)
	}
	if len(c.Listeners) != 1 || c.Auth.JWT == nil || len(c.Auth.JWT.Claims) != 1 || c.Upstream.TLS != nil {
		t.Errorf("got %+v, want the shortest useful configuration", c)
	}
}

func TestExampleUncommentedIsKnown(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"broker-password", "health-password", "jwt-secret", "admin-token"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0123456789abcdef"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values, lines, problem := decode(uncommented(), "example.toml")
	if problem != nil {
		t.Fatal(problem)
	}
	s := source{file: "example.toml", lines: lines, vars: map[string]string{}}
	d, _ := read(values, s, dir, environment("JWKS_TOKEN=x"))
	for _, p := range d.problems {
		t.Error(p)
	}
}

// TestExampleHasEveryKey compares the keys of the example with those that the readers ask
// for: each has to be in the other, and each default in the example is the real one.
func TestExampleHasEveryKey(t *testing.T) {
	values, _, problem := decode(inComment.ReplaceAllString(Example(), "$1"), "example.toml")
	if problem != nil {
		t.Fatal(problem)
	}
	written := map[string]string{}
	flatten(written, "", values)
	known := knownKeys(t)
	for _, pattern := range slices.Sorted(maps.Keys(known)) {
		got, ok := written[pattern]
		switch k := known[pattern]; {
		case !ok:
			t.Errorf("%s is not in the example", pattern)
		case k.def != "" && got != k.def:
			t.Errorf("%s: the example has %s, the default is %s", pattern, got, k.def)
		}
	}
	for pattern := range written {
		_, ok := known[pattern]
		if parent := known[parentKey(pattern)]; !ok && parent.kind != kindNames {
			t.Errorf("%s is in the example, and not known", pattern)
		}
	}
}

// flatten writes the values of a table as text, by path without indexes.
func flatten(to map[string]string, table string, values map[string]any) {
	for name, v := range values {
		path := JoinKey(table, name)
		to[path] = fmt.Sprint(v)
		if tables, ok := asTables(v); ok {
			for _, t := range tables {
				flatten(to, path, t)
			}
		} else if t, ok := v.(map[string]any); ok {
			flatten(to, path, t)
		}
	}
}

func TestExampleIsTidy(t *testing.T) {
	for line := range strings.Lines(Example()) {
		if len(line) > 121 || strings.HasSuffix(line, " \n") || strings.Contains(line, "\t") {
			t.Errorf("untidy line: %q", line)
		}
	}
}
