package builtin

import (
	"fmt"
	"strings"
)

// Problem is something wrong in a file of users. It never quotes a password or a hash.
type Problem struct {
	// File is the file's name, and Line counts from 1; 0 means the file as a whole.
	File string
	Line int
	Err  error
}

// Error returns "FILE:LINE: text", without what is unknown.
func (p Problem) Error() string {
	if where := place(p.File, p.Line); where != "" {
		return where + ": " + p.Err.Error()
	}
	return p.Err.Error()
}

// place is a place in a file for a message: empty where neither part is known.
func place(file string, line int) string {
	switch {
	case line == 0:
		return file
	case file == "":
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// Unwrap returns p.Err.
func (p Problem) Unwrap() error { return p.Err }

// LoadError holds what is wrong with a set of users, all of it at once.
type LoadError struct {
	// Problems are in the order in which they were met: at most [MaxProblems].
	Problems []Problem
	// More is how many there were beyond these.
	More int
}

// MaxProblems is how many problems of a file are told one by one. A file of the wrong kind
// has one on every line.
const MaxProblems = 20

// Error returns one line for each problem.
func (e *LoadError) Error() string {
	var s strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString(p.Error())
	}
	if e.More > 0 {
		fmt.Fprintf(&s, "\nand %d more", e.More)
	}
	return s.String()
}

// Unwrap returns the problems, for errors.Is and errors.As.
func (e *LoadError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// problems collects what is wrong, within a bound.
type problems struct {
	list []Problem
	more int
}

// full reports whether the next problem will only be counted.
func (p *problems) full() bool { return len(p.list) == MaxProblems }

func (p *problems) add(file string, line int, err error) {
	if p.full() {
		p.more++
		return
	}
	p.list = append(p.list, Problem{File: file, Line: line, Err: err})
}

// err is the problems as an error, and nil where there are none.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &LoadError{Problems: p.list, More: p.more}
}
