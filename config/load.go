package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile bounds a configuration. Large user lists belong in a users file.
const maxFile = 1 << 20

// LoadOptions tell what surrounds a configuration.
type LoadOptions struct {
	// LookupEnv returns an environment variable's value and whether it is set. Nil means
	// os.LookupEnv.
	LookupEnv func(name string) (string, bool)
	// Environ lists the environment as NAME=value, to warn of MQTTWARD_ variables that no
	// key has. Nil means os.Environ where LookupEnv is nil too, else an empty list.
	Environ func() []string
}

// Load reads the configuration in the file at path, of at most 1 MiB. The error is always
// an *[Errors]; where the file can't be read, it wraps the cause.
func Load(path string, o LoadOptions) (*Config, error) {
	itself := LookAt(path)
	c, err := load(path, o)
	if err != nil {
		err.files = append(err.files, itself)
		return nil, err
	}
	c.files = append(c.files, itself)
	return c, nil
}

func load(path string, o LoadOptions) (*Config, *Errors) {
	src, err := readFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return parse(src, path, filepath.Dir(absolute), o)
}

// readFile reads a file that must not be larger than a configuration may be.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(src) > maxFile {
		err = fmt.Errorf("the file is larger than %s", formatSize(maxFile))
	}
	return src, err
}

// unreadable is the error for a file that can't be read.
func unreadable(path string, err error) *Errors {
	text := err
	var pathError *os.PathError
	if errors.As(err, &pathError) { // the path stands before the text already
		text = pathError.Err
	}
	return &Errors{Problems: []Problem{{File: path, Text: "read config: " + text.Error()}}, cause: err}
}

// Parse reads the configuration src. Problems call it name, and relative paths start from
// the folder dir, which should be absolute. It reads the secret files that src names. The
// error is always an *[Errors].
func Parse(src []byte, name, dir string, o LoadOptions) (*Config, error) {
	c, err := parse(src, name, dir, o)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func parse(src []byte, name, dir string, o LoadOptions) (*Config, *Errors) {
	if len(src) > maxFile {
		return nil, unreadable(name, fmt.Errorf("the file is larger than %s", formatSize(maxFile)))
	}
	values, lines, problem := decode(string(src), name)
	if problem != nil {
		return nil, newErrors([]Problem{*problem})
	}
	d, c := read(values, source{file: name, lines: lines, vars: map[string]string{}}, dir, o)
	d.check(c)
	if len(d.problems) > 0 {
		e := newErrors(d.problems)
		e.files = d.files
		if !d.faultyBelow("log") {
			e.log = &c.Log
		}
		return nil, e
	}
	sortProblems(d.warnings)
	c.source, c.warnings, c.files = d.source, d.warnings, d.files
	return c, nil
}

// read turns the decoded values into a Config, and notes what is no key or has no sense by
// itself. What fits together is judged by check.
func read(values map[string]any, s source, dir string, o LoadOptions) (*document, *Config) {
	lookup, environ := o.LookupEnv, o.Environ
	if lookup == nil {
		lookup = os.LookupEnv
		if environ == nil {
			environ = os.Environ
		}
	}
	d := &document{
		source: s,
		dir:    dir,
		lookup: lookup,
		schema: map[string]schemaKey{},
		given:  map[string]bool{},
		meant:  map[string]bool{},
		faults: map[string]bool{},
	}
	c := readConfig(d.root(values))
	d.faultUnknown()
	if environ != nil {
		d.warnVariables(environ())
	}
	return d, c
}
