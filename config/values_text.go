package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// string reads a string; the empty string where there is none.
func (t *table) string(name string) string {
	v, ok := t.ask(name, schemaKey{kind: kindString})
	if !ok {
		return ""
	}
	s, _ := t.doc.text(t.key(name), v)
	return s
}

// template reads a string that has placeholders of its own.
func (t *table) template(name string) string {
	v, ok := t.ask(name, schemaKey{kind: kindTemplate})
	if !ok {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		t.fault(name, "must be a string in quotes, not %s", nameOf(v))
	}
	return s
}

// file reads the path of a file that will be read, and makes it absolute.
func (t *table) file(name string) string {
	path := t.filePath(name)
	if path != "" {
		t.doc.files = append(t.doc.files, LookAt(path))
	}
	return path
}

// filePath reads a file's path and makes it absolute.
func (t *table) filePath(name string) string {
	s := t.string(name)
	if s == "" || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(t.doc.dir, s)
}

// strings reads a list of strings; nil where there is none. Those that can't be read are
// empty.
func (t *table) strings(name string) []string {
	v, ok := t.ask(name, schemaKey{kind: kindStrings})
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		t.fault(name, `must be a list of strings in brackets, such as ["a", "b"], not %s`, nameOf(v))
		return nil
	}
	var all []string
	for i, e := range list {
		path := joinIndex(t.key(name), i)
		s, ok := t.doc.text(path, e)
		if ok && s == "" {
			t.doc.fault(path, "is empty: leave it out")
		}
		all = append(all, s)
	}
	return all
}

// readList reads a list of strings, most of them at the most and none twice. read reads one, or says
// what is wrong with it.
func readList[T comparable](t *table, name string, most int, read func(string) (v T, fault string)) []T {
	list := t.strings(name)
	if len(list) > most {
		t.fault(name, "there are %d: %d are the most", len(list), most)
		return nil
	}
	var all []T
	for i, s := range list {
		if s == "" { // it has a problem already
			continue
		}
		v, fault := read(s)
		switch path := joinIndex(t.key(name), i); {
		case fault != "":
			t.doc.fault(path, "%s", fault)
		case slices.Contains(all, v):
			t.doc.fault(path, "%q stands in the list already", s)
		default:
			all = append(all, v)
		}
	}
	return all
}

// enum reads one of some words.
func enum[T ~string](t *table, name string, def T, words ...T) T {
	return cmp.Or(word(t, name, def, words), def)
}

// enumOrNone reads one of some words; the empty string where there is none.
func enumOrNone[T ~string](t *table, name string, words ...T) T {
	return word(t, name, "", words)
}

// word reads one of words. The empty string means that there was none, or another one.
func word[T ~string](t *table, name string, def T, words []T) T {
	v, ok := t.ask(name, schemaKey{kind: kindString, def: string(def)})
	if !ok {
		return ""
	}
	s, ok := t.doc.text(t.key(name), v)
	if !ok || s == "" || slices.Contains(words, T(s)) {
		return T(s)
	}
	t.fault(name, "must be %s, not %q", oneOf(words), s)
	return ""
}

// oneOf lists words as a sentence does: "a", "b" or "c".
func oneOf[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(string(w)))
	}
	return b.String()
}
