package config

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestKeyLines(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		want      map[string]int
	}{
		{"nothing", "\n# a = 1\n", map[string]int{}},
		{"keys", "a = 1\n\n  b=2 # c = 3\r\nd = 4", map[string]int{"a": 1, "b": 3, "d": 4}},
		{"table", "[a] # x\nb = 1\n[ a . c ]\nd = 1", map[string]int{"a": 1, "a.b": 2, "a.c": 3, "a.c.d": 4}},
		{"dotted", "a.b.c = 1\na.b.d = 2", map[string]int{"a": 1, "a.b": 1, "a.b.c": 1, "a.b.d": 2}},
		{"array of tables", "[[a]]\nx = 1\n[a.t]\ny = 1\n[[a]]\nx = 2\n[a.t]\ny = 2\n[[a.u]]\n[[a.u]]\nz = 3", map[string]int{
			"a": 1, "a[0]": 1, "a[0].x": 2, "a[0].t": 3, "a[0].t.y": 4, "a[1]": 5, "a[1].x": 6, "a[1].t": 7, "a[1].t.y": 8,
			"a[1].u": 9, "a[1].u[0]": 9, "a[1].u[1]": 10, "a[1].u[1].z": 11}},
		{"quoted", "\"a.b\" = 1\n'c\"d' = 2\n\"e\\\"\\u0066\" . g = 3\n\"\" = 4\n[\"]\"]\nx = 5", map[string]int{
			`"a.b"`: 1, `"c\"d"`: 2, `"e\"f"`: 3, `"e\"f".g`: 3, `""`: 4, `"]"`: 5, `"]".x`: 6}},
		{"multi-line list", "a = [ # ]\n1, # 2,\n\n 3,\n[\n4], \"]\",\n]\nb = 1", map[string]int{
			"a": 1, "a[0]": 2, "a[1]": 4, "a[2]": 5, "a[2][0]": 6, "a[3]": 6, "b": 8}},
		{"inline table", "a = {b = 1, c = {d.e = \"}\"}}\nf = 1", map[string]int{
			"a": 1, "a.b": 1, "a.c": 1, "a.c.d": 1, "a.c.d.e": 1, "f": 2}},
		{"inline tables in a list", "a = [\n{b = 1},\n{b = 2}]", map[string]int{
			"a": 1, "a[0]": 2, "a[0].b": 2, "a[1]": 3, "a[1].b": 3}},
		{"multi-line strings", "a = \"\"\"\nb = 1\n\\\"\"\"\" # \"\"\"\nc = '''\n[d]\n'''\ne = \"\"\"x\"\"\"\"\"\nf = ''''''\ng = 1", map[string]int{
			"a": 1, "c": 4, "e": 7, "f": 8, "g": 9}},
		{"strings", "a = \"# \\\" b = 1\"\nc = '\\'\nd = 1", map[string]int{"a": 1, "c": 2, "d": 3}},
		{"date with a blank", "a = 1979-05-27 07:32:00 # x\nb = 1", map[string]int{"a": 1, "b": 2}},
		{"byte order mark", "\xef\xbb\xbfa = 1", map[string]int{"a": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var values map[string]any
			if _, err := toml.Decode(tt.src, &values); err != nil {
				t.Fatalf("the test's source is not valid: %v", err)
			}
			got, _, err := keyLines(tt.src)
			if err != nil || !maps.Equal(got, tt.want) {
				t.Errorf("keyLines(%q):\n got %v, %v\nwant %v", tt.src, got, err, tt.want)
			}
		})
	}
}

func TestKeyLinesAreBounded(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for _, tt := range []struct {
		src  string
		line int
		want error
	}{
		{"\na = " + deep, 2, errTooDeep},
		{"a" + strings.Repeat(".a", 100_000) + " = 1", 1, errTooDeep},
		{"\n[" + strings.Repeat("a.", 100_000), 2, errTooDeep},
		{"a = " + strings.Repeat("{a=", 100_000), 1, errTooDeep},
		{"\n\n[" + strings.Repeat("a", 600) + "]", 3, errLongKey},
		{strings.Repeat("a", maxKeyPath) + " = 1", 1, nil},
	} {
		_, line, err := keyLines(tt.src)
		if line != tt.line || !errors.Is(err, tt.want) {
			t.Errorf("keyLines(%.20q...): got line %d, %v; want line %d, %v", tt.src, line, err, tt.line, tt.want)
		}
	}
}

func TestKeyPaths(t *testing.T) {
	for _, tt := range []struct{ path, parent, last string }{
		{"a", "", "a"},
		{"a.b", "a", "b"},
		{"a[0]", "a", "[0]"},
		{"a[0].b", "a[0]", "b"},
		{`a."b.c"`, "a", `"b.c"`},
		{`a."b[\"."`, "a", `"b[\"."`},
		{`"x.y".z`, `"x.y"`, "z"},
	} {
		if p, l := parentKey(tt.path), lastKey(tt.path); p != tt.parent || l != tt.last {
			t.Errorf("%s: got parent %q, last %q; want %q, %q", tt.path, p, l, tt.parent, tt.last)
		}
	}
}

// checkLines tests that the line of every key and element of a decoded text is known.
func checkLines(t *testing.T, lines map[string]int, path string, v any, last int) {
	if line := lines[path]; path != "" && (line < 1 || line > last) {
		t.Errorf("%s has line %d of %d; known are %v", path, line, last, slices.Sorted(maps.Keys(lines)))
	}
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			checkLines(t, lines, JoinKey(path, name), e, last)
		}
	case []map[string]any:
		for i, e := range v {
			checkLines(t, lines, joinIndex(path, i), e, last)
		}
	case []any:
		for i, e := range v {
			checkLines(t, lines, joinIndex(path, i), e, last)
		}
	}
}
