package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// FuzzParse demands that no text makes Parse panic, that a fault is told in whole lines
// with places in the file, and that in a valid text every key's line is found.
func FuzzParse(f *testing.F) {
	f.Add([]byte(base))
	f.Add([]byte(full))
	f.Add([]byte(full2))
	f.Add([]byte(Example()))
	f.Add([]byte(uncommented()))
	for _, m := range mistakes {
		f.Add([]byte(m.src))
	}
	o := environment("TOKEN=x", "MQTT_JWT_SECRET=x")
	f.Fuzz(func(t *testing.T, src []byte) {
		if strings.Contains(string(src), "_file") {
			return // opens files by fuzzed names
		}
		last := strings.Count(string(src), "\n") + 1
		c, err := Parse(src, "c.toml", "/nonexistent", o)
		if (c == nil) != (err != nil) {
			t.Fatalf("got %v and %v", c, err)
		}
		var all *Errors
		if err != nil && (!errors.As(err, &all) || len(all.Problems) == 0) {
			t.Fatalf("got %T %v, want *Errors with problems", err, err)
		}
		if all != nil {
			for _, p := range all.Problems {
				if p.Text == "" || p.Line < 0 || p.Line > last || strings.ContainsAny(p.String(), "\n\r\x00") {
					t.Errorf("%q is no good line; the file has %d", p.String(), last)
				}
			}
		}
		checkFoundKeys(t, string(src), last)
	})
}

// checkFoundKeys tests keyLines against the TOML library.
func checkFoundKeys(t *testing.T, src string, last int) {
	lines, _, tooMuch := keyLines(src)
	if tooMuch != nil {
		return
	}
	var values map[string]any
	meta, err := toml.Decode(src, &values)
	if err != nil {
		return
	}
	checkLines(t, lines, "", values, last)
	found := map[string]bool{}
	for path := range lines {
		found[withoutIndexes(path)] = true
	}
	for _, key := range meta.Keys() {
		path := ""
		for _, part := range key {
			path = JoinKey(path, part)
		}
		if !found[path] {
			t.Errorf("no line for %s", path)
		}
	}
}

// withoutIndexes removes the indexes from a key path.
func withoutIndexes(path string) string {
	if path == "" {
		return ""
	}
	parent, last := withoutIndexes(parentKey(path)), lastKey(path)
	switch {
	case strings.HasPrefix(last, "["):
		return parent
	case parent == "":
		return last
	default:
		return parent + "." + last
	}
}
