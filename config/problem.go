package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one fault of a configuration, or one doubt about it. It holds no secret.
type Problem struct {
	// File is the file's name as it was given, or "$NAME" where the fault lies in the
	// environment variable NAME.
	File string
	// Line is the key's line, from 1. It is 0 where there is none: for an environment
	// variable, and for a table that is missing altogether.
	Line int
	// Key is the key's path, such as auth.jwt.leeway or listener[0].tls.cert_file. It is
	// empty where the fault concerns no single key.
	Key string
	// Text says what is wrong and what to write instead, in one line.
	Text string
}

// String returns the problem as one line, `mqttward.toml:12: auth.jwt.leeway: ...`.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Errors is the error of [Load] and [Parse]: all problems of a configuration at once.
type Errors struct {
	// Problems has at least one element. They are sorted by line; those without a line
	// come last.
	Problems []Problem
	cause    error
	files    []File
	log      *Log // nil where it could not be read
}

// Error returns the problems, one a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns why the file could not be read, such as an error that is fs.ErrNotExist,
// or nil where it could.
func (e *Errors) Unwrap() error { return e.cause }

// Log returns the [log] table, to tell of the problems by. It reports false where that could not be
// read: the file is no TOML, say, or one of the problems is the table's own.
func (e *Errors) Log() (Log, bool) {
	if e.log == nil {
		return Log{}, false
	}
	return *e.log, true
}

// newErrors sorts the problems of a file into an error.
func newErrors(problems []Problem) *Errors {
	sortProblems(problems)
	return &Errors{Problems: problems}
}

// sortProblems sorts by line, line 0 last, and then by key.
func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line)
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.File, b.File), cmp.Compare(a.Key, b.Key))
	})
}

// source remembers where the keys of a configuration stand.
type source struct {
	file  string
	lines map[string]int    // by key path
	vars  map[string]string // the environment variable that set a key, by key path
}

// problem places a text: at the variable that set the key, else at the key's line, else at
// the line of the nearest table around it.
func (s *source) problem(key, format string, args ...any) Problem {
	if file := key + "_file"; !s.has(key) && s.has(file) {
		key = file // a secret that came from its file
	}
	p := Problem{File: s.file, Key: key, Text: fmt.Sprintf(format, args...)}
	if name, ok := s.vars[key]; ok {
		p.File = "$" + name
		return p
	}
	for at := key; at != "" && p.Line == 0; at = parentKey(at) {
		p.Line = s.lines[at]
	}
	return p
}

// has reports whether a key was set, in the file or by a variable.
func (s *source) has(key string) bool {
	_, byVariable := s.vars[key]
	return byVariable || s.lines[key] > 0
}

// Problem words a fault that was found later, such as a certificate that can't be read,
// with the key's place in the source. Elements of arrays have an index, from 0, in the
// order of the file and of the Config's slices: listener[0].tls.cert_file,
// auth.builtin.user[3].password_hash; [JoinKey] quotes names that need it. A key that is
// not in the source has the line of the table around it.
//
// The text must be one line, and the arguments must not be secrets.
func (c *Config) Problem(key, format string, args ...any) Problem {
	return c.source.problem(key, format, args...)
}

// Warnings returns what was allowed but is probably not what was meant, sorted by line. The
// slice is the caller's.
func (c *Config) Warnings() []Problem { return slices.Clone(c.warnings) }
