package config

import (
	"cmp"
	"slices"
	"strings"
)

// kind is what a key holds, in words for an error text.
type kind string

const (
	kindTable    kind = "a table"
	kindTables   kind = "an array of tables"
	kindNames    kind = "a table of free names"
	kindString   kind = "a string"
	kindTemplate kind = "a template"
	kindStrings  kind = "a list of strings"
	kindBool     kind = "true or false"
	kindInt      kind = "a whole number"
	kindDuration kind = "a duration"
	kindSize     kind = "a size"
)

// schemaKey describes a key that was asked for.
type schemaKey struct {
	kind kind
	// def is the default as it would be written in the file, empty where there is none.
	def string
	// variable is the environment variable that overrides the key, empty where there is
	// none.
	variable string
}

// document is a configuration while it is read. What the file may hold is not listed
// anywhere: it is what the readers ask for. They ask for every key of every table, also of
// those that are absent, so that afterwards schema holds all keys.
type document struct {
	source
	dir      string // the folder that relative paths start from
	lookup   func(string) (string, bool)
	schema   map[string]schemaKey // by path without indexes
	given    map[string]bool      // paths of the keys that have a value, from wherever
	meant    map[string]bool      // paths of the keys that were probably meant by unknown ones
	tables   []*table             // those present
	files    []File               // those named, but for what is written
	problems []Problem
	faults   map[string]bool // paths of the keys that have a problem
	warnings []Problem
}

// fault notes a problem of the key at path. Only the first of a key counts: others mostly
// follow from it. So does that a key is missing from its being mistyped.
func (d *document) fault(path, format string, args ...any) {
	if !d.faults[path] && (d.given[path] || !d.meant[path]) {
		d.faults[path] = true
		d.problems = append(d.problems, d.problem(path, format, args...))
	}
}

// faultyBelow reports whether a key at path, or in the table at path, has a problem.
func (d *document) faultyBelow(path string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		return p.Key == path || strings.HasPrefix(p.Key, path+".") || strings.HasPrefix(p.Key, path+"[")
	})
}

// warn notes a doubt about the key at path.
func (d *document) warn(path, format string, args ...any) {
	d.warnings = append(d.warnings, d.problem(path, format, args...))
}

// table is a table of the document while it is read. One that the document lacks has no
// values: reading it yields the defaults, and no problems.
type table struct {
	doc     *document
	path    string // listener[0].tls
	pattern string // listener.tls
	values  map[string]any
	present bool
	inArray bool // its keys have no variables
}

// root returns the table of the top-level keys.
func (d *document) root(values map[string]any) *table {
	t := &table{doc: d, values: values, present: true}
	d.tables = append(d.tables, t)
	return t
}

// key returns the path of one of the table's keys.
func (t *table) key(name string) string { return JoinKey(t.path, name) }

// fault notes a problem of one of the table's keys.
func (t *table) fault(name, format string, args ...any) {
	t.doc.fault(t.key(name), format, args...)
}

// has reports whether a key was given a value.
func (t *table) has(name string) bool { return t.doc.given[t.key(name)] }

// table reads the sub-table called name.
func (t *table) table(name string) *table {
	v, ok := t.ask(name, schemaKey{kind: kindTable})
	sub := &table{doc: t.doc, path: t.key(name), pattern: JoinKey(t.pattern, name), inArray: t.inArray}
	if !ok {
		return sub
	}
	values, ok := v.(map[string]any)
	if !ok {
		if _, many := asTables(v); many {
			t.fault(name, "there can be only one: write [%s] with single brackets", sub.pattern)
		} else {
			t.fault(name, "must be a table, not %s: write its keys below a line [%s]", nameOf(v), sub.pattern)
		}
		return sub
	}
	sub.values = values
	sub.enter()
	return sub
}

// enter notes that the table is in the document.
func (t *table) enter() {
	if !t.present {
		t.present = true
		t.doc.tables = append(t.doc.tables, t)
	}
}

// readTables reads the array of tables called name.
func readTables[T any](t *table, name string, read func(*table) T) []T {
	v, ok := t.ask(name, schemaKey{kind: kindTables})
	pattern := JoinKey(t.pattern, name)
	tables, many := asTables(v)
	if ok && !many {
		t.fault(name, "there may be several: write each as a table below a line [[%s]], with double brackets", pattern)
	}
	if len(tables) == 0 { // read one that is absent, for the schema
		read(&table{doc: t.doc, path: joinIndex(t.key(name), 0), pattern: pattern, inArray: true})
		return nil
	}
	all := make([]T, len(tables))
	for i, values := range tables {
		sub := &table{doc: t.doc, path: joinIndex(t.key(name), i), pattern: pattern, values: values, inArray: true}
		sub.enter()
		all[i] = read(sub)
	}
	return all
}

// asTables returns v as tables if it is an array of nothing else, written either way.
func asTables(v any) ([]map[string]any, bool) {
	switch v := v.(type) {
	case []map[string]any:
		return v, true
	case []any:
		tables := make([]map[string]any, len(v))
		for i, e := range v {
			values, ok := e.(map[string]any)
			if !ok {
				return nil, false
			}
			tables[i] = values
		}
		return tables, true
	}
	return nil, false
}

// entry is a key of a table whose names are free.
type entry struct {
	name, path string
	value      any
}

// names reads the sub-table called name, which may have any keys, in the file's order.
func (t *table) names(name string) []entry {
	v, ok := t.ask(name, schemaKey{kind: kindNames})
	if !ok {
		return nil
	}
	values, ok := v.(map[string]any)
	if !ok {
		t.fault(name, "must be a table, not %s: write NAME = \"value\" below a line [%s]", nameOf(v), JoinKey(t.pattern, name))
		return nil
	}
	entries := make([]entry, 0, len(values))
	for key, value := range values {
		entries = append(entries, entry{key, JoinKey(t.key(name), key), value})
	}
	lines := t.doc.lines
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(lines[a.path], lines[b.path]), cmp.Compare(a.name, b.name))
	})
	return entries
}
