package config

import (
	"strconv"
	"time"
)

// ask notes the key in the schema and returns its value, if it has one: that of the
// environment variable, always a string, or the file's. The empty string is no value.
func (t *table) ask(name string, k schemaKey) (any, bool) {
	path, pattern := t.key(name), JoinKey(t.pattern, name)
	if k.overridable() && !t.inArray {
		k.variable = variableOf(pattern)
	}
	t.doc.schema[pattern] = k
	if k.variable != "" {
		if v, ok := t.doc.lookup(k.variable); ok && v != "" {
			t.doc.vars[path] = k.variable
			t.doc.given[path] = true
			t.enter()
			return v, true
		}
	}
	v, ok := t.values[name]
	if !ok || v == "" {
		return nil, false
	}
	t.doc.given[path] = true
	return v, true
}

// fromVariable reports whether an environment variable set the key.
func (t *table) fromVariable(name string) bool {
	_, ok := t.doc.vars[t.key(name)]
	return ok
}

// text returns the text v of the key at path with the environment put in, if v is a string.
func (d *document) text(path string, v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		d.fault(path, "must be a string in quotes, not %s", nameOf(v))
		return "", false
	}
	if _, ok := d.vars[path]; ok {
		return s, true
	}
	s, err := expand(s, d.lookup)
	if err != nil {
		d.fault(path, "%v", err)
	} else if s == "" {
		delete(d.given, path)
	}
	return s, err == nil
}

// bool reads true or false.
func (t *table) bool(name string, def bool) bool {
	v, ok := t.ask(name, schemaKey{kind: kindBool, def: strconv.FormatBool(def)})
	if !ok {
		return def
	}
	if t.fromVariable(name) && (v == "true" || v == "false") {
		return v == "true"
	}
	b, ok := v.(bool)
	if !ok {
		t.fault(name, "must be true or false%s", t.without(name, v))
		return def
	}
	return b
}

// int reads a whole number between least and most.
func (t *table) int(name string, def, least, most int) int {
	v, ok := t.ask(name, schemaKey{kind: kindInt, def: strconv.Itoa(def)})
	if !ok {
		return def
	}
	n, ok := v.(int64)
	if t.fromVariable(name) {
		var err error
		n, err = strconv.ParseInt(v.(string), 10, 64)
		ok = err == nil
	}
	switch {
	case !ok:
		t.fault(name, "must be a whole number, such as %d%s", max(def, least, 1), t.without(name, v))
	case n < int64(least) || n > int64(most):
		t.fault(name, "must be between %d and %d, not %d", least, most, n)
	default:
		return int(n)
	}
	return def
}

// without ends an error text about a value that must not be in quotes, with what it is.
func (t *table) without(name string, v any) string {
	if t.fromVariable(name) {
		return ""
	}
	if _, ok := v.(float64); ok {
		return ", not a fraction"
	}
	return ", without quotes, not " + nameOf(v)
}

// duration reads a duration between least and most.
func (t *table) duration(name string, def, least, most time.Duration) time.Duration {
	return measure(t, name, unit[time.Duration]{kindDuration, parseDuration, formatDuration, 5 * time.Second}, def, least, most)
}

// size reads a number of bytes between least and most.
func (t *table) size(name string, def, least, most int) int {
	return measure(t, name, unit[int]{kindSize, parseSize, formatSize, 64 << 10}, def, least, most)
}

// unit is how a number with a unit is read and written, and an example of one.
type unit[T ~int | ~int64] struct {
	kind    kind
	parse   func(string) (T, error)
	format  func(T) string
	example T
}

// measure reads a string that is a number with a unit.
func measure[T ~int | ~int64](t *table, name string, u unit[T], def, least, most T) T {
	v, ok := t.ask(name, schemaKey{kind: u.kind, def: u.format(def)})
	if !ok {
		return def
	}
	example := u.example
	if def != 0 {
		example = def
	}
	if _, ok := v.(string); !ok {
		t.fault(name, "must be %s with a unit, such as %q, not %s", u.kind, u.format(example), nameOf(v))
		return def
	}
	s, ok := t.doc.text(t.key(name), v)
	if !ok || s == "" {
		return def
	}
	n, err := u.parse(s)
	switch {
	case err != nil:
		t.fault(name, "must be %s with a unit, such as %q, not %q", u.kind, u.format(example), s)
	case n < least || n > most:
		t.fault(name, "must be between %s and %s, not %s", u.format(least), u.format(most), u.format(n))
	default:
		return n
	}
	return def
}

// nameOf names the type of a TOML value for an error text.
func nameOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int64, float64:
		return "a bare number"
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	default:
		return "a date or time"
	}
}
