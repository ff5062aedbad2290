package config

import (
	"maps"
	"slices"
	"strings"
)

// faultUnknown notes each key of the document that no reader asked for.
func (d *document) faultUnknown() {
	patterns := slices.Sorted(maps.Keys(d.schema))
	for _, t := range d.tables {
		for name, v := range t.values {
			pattern := JoinKey(t.pattern, name)
			if _, ok := d.schema[pattern]; ok {
				continue
			}
			what := "unknown key"
			switch v.(type) {
			case map[string]any, []map[string]any:
				what = "unknown table"
			}
			t.fault(name, "%s%s", what, d.suggest(t, name, patterns))
		}
	}
}

// suggest says what the unknown key called name in t may have been meant to be: a key of
// another table, or one of this table with a similar name.
func (d *document) suggest(t *table, name string, patterns []string) string {
	var places, headers, siblings []string
	for _, p := range patterns {
		switch parent, last := parentKey(p), lastKey(p); {
		case parent == t.pattern:
			siblings = append(siblings, last)
		case last != name:
		case d.schema[p].kind == kindTable || d.schema[p].kind == kindTables || d.schema[p].kind == kindNames:
			headers = append(headers, d.header(p))
		default:
			places = append(places, d.header(parent))
		}
	}
	longer := func(s string) bool {
		return len(name) > 3 && (strings.HasSuffix(s, "_"+name) || strings.HasPrefix(s, name+"_"))
	}
	near := ""
	if i := slices.IndexFunc(siblings, longer); i >= 0 {
		near = siblings[i]
	} else if len(places)+len(headers) == 0 {
		near = nearest(name, siblings)
	}
	if near != "" {
		d.meant[t.key(near)] = true
	}
	hint := ""
	switch {
	case len(places) > 0:
		hint = ": it belongs in " + strings.Join(places, " or ")
	case len(headers) > 0:
		hint = ": write it as " + strings.Join(headers, " or ")
	}
	switch {
	case near != "" && hint != "":
		hint += ", or did you mean " + quoted(near) + "?"
	case near != "":
		hint = ": did you mean " + quoted(near) + "?"
	}
	return hint
}

func quoted(s string) string { return `"` + s + `"` }

// header returns the line that opens the table at path pattern.
func (d *document) header(pattern string) string {
	if d.schema[pattern].kind == kindTables {
		return "[[" + pattern + "]]"
	}
	return "[" + pattern + "]"
}

// nearest returns the word that is most like name, or "" where none is like it.
func nearest(name string, words []string) string {
	best, least := "", len(name)/4+2 // what a slip of the fingers changes
	for _, w := range words {
		if n := distance(name, w, least); n < least {
			best, least = w, n
		}
	}
	return best
}

// distance is how many letters must be added, removed, replaced or swapped with their
// neighbour to make b of a; from limit on, it is limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return min(above[len(b)], limit)
}
