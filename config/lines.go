package config

import (
	"errors"
	"strings"
)

// Bounds of a file's structure. They are far beyond what the known keys need, and keep the
// key paths, and the recursion here and in the TOML library, small.
const (
	maxDepth   = 32
	maxKeyPath = 512
)

var (
	errTooDeep = errors.New("tables and lists are nested too deeply")
	errLongKey = errors.New("the key is too long")
)

// keyLines finds the line of every key, table and list element of a TOML text, by key path.
// The TOML library tells the line of a syntax error only.
//
// It trusts that the text is valid and does not say when it is not: the library does. In an
// invalid text the lines up to the first fault are right, and so is an error, which is one
// of the two bounds above, with the line where it was met.
func keyLines(src string) (lines map[string]int, line int, err error) {
	s := &lineScanner{
		src:    strings.TrimPrefix(src, "\xef\xbb\xbf"),
		line:   1,
		lines:  map[string]int{},
		tables: map[string]int{},
	}
	s.document()
	return s.lines, s.line, s.err
}

// lineScanner walks over a TOML text. After an error it stands at the text's end, so that
// every loop ends.
type lineScanner struct {
	src    string // what is left
	line   int    // of the first byte of src, from 1
	lines  map[string]int
	tables map[string]int // of each array of tables: how many headers were seen
	err    error
}

// document reads the whole text: headers, and keys with their values.
func (s *lineScanner) document() {
	table := ""
	for {
		s.skipBlank()
		switch {
		case s.src == "":
			return
		case strings.HasPrefix(s.src, "[["):
			s.next(2)
			table = s.header(true)
			s.skipLine()
		case s.src[0] == '[':
			s.next(1)
			table = s.header(false)
			s.skipLine()
		default:
			s.keyValue(table, 1)
			s.skipLine()
		}
	}
}

// header reads the name of a table up to its closing bracket and returns its path.
func (s *lineScanner) header(array bool) string {
	line := s.line
	path := s.resolve("", s.key(), line)
	if array {
		n := s.tables[path]
		s.tables[path] = n + 1
		s.record(path, line)
		path = joinIndex(path, n)
	}
	s.record(path, line)
	return path
}

// keyValue reads `key = value`.
func (s *lineScanner) keyValue(table string, depth int) {
	line := s.line
	path := s.resolve(table, s.key(), line)
	s.record(path, line)
	if strings.HasPrefix(s.src, "=") {
		s.next(1)
	}
	s.value(path, depth)
}

// resolve returns the path of the parts of a key in a table. A part that names an array of
// tables means that array's last table. Tables that the key creates on its way get its line.
func (s *lineScanner) resolve(table string, parts []string, line int) string {
	path := table
	for i, part := range parts {
		path = JoinKey(path, part)
		if i == len(parts)-1 {
			break
		}
		if n := s.tables[path]; n > 0 {
			path = joinIndex(path, n-1)
		}
		s.record(path, line)
	}
	return path
}

// record notes the line of path, unless an earlier one is known.
func (s *lineScanner) record(path string, line int) {
	if len(path) > maxKeyPath {
		s.fail(errLongKey)
	} else if _, ok := s.lines[path]; !ok {
		s.lines[path] = line
	}
}

// value reads the value of the key or element at path.
func (s *lineScanner) value(path string, depth int) {
	if depth > maxDepth {
		s.fail(errTooDeep)
		return
	}
	s.skipSpace()
	switch {
	case s.src == "":
	case s.src[0] == '"' || s.src[0] == '\'':
		s.text()
	case s.src[0] == '[':
		s.next(1)
		for i := 0; s.more(']'); i++ {
			element := joinIndex(path, i)
			s.record(element, s.line)
			s.value(element, depth+1)
		}
	case s.src[0] == '{':
		s.next(1)
		for s.more('}') {
			s.keyValue(path, depth+1)
		}
	default: // a number, a date (it may hold a blank), true or false
		end := strings.IndexAny(s.src, ",]}#\n")
		if end < 0 {
			end = len(s.src)
		}
		s.next(end)
	}
}

// more goes to the next element of a list or an inline table, or over its closing bracket
// and returns false.
func (s *lineScanner) more(closing byte) bool {
	for {
		s.skipBlank()
		switch {
		case s.src == "":
			return false
		case s.src[0] == closing:
			s.next(1)
			return false
		case s.src[0] == ',':
			s.next(1)
		case s.src[0] == ']' || s.src[0] == '}': // invalid
			s.src = ""
			return false
		default:
			return true
		}
	}
}

// next goes over n bytes.
func (s *lineScanner) next(n int) {
	s.line += strings.Count(s.src[:n], "\n")
	s.src = s.src[n:]
}

// fail stops the scan.
func (s *lineScanner) fail(err error) {
	if s.err == nil {
		s.err = err
	}
	s.src = ""
}

// skipSpace goes over blanks and tabs.
func (s *lineScanner) skipSpace() { s.src = strings.TrimLeft(s.src, " \t") }

// skipLine goes to the end of the line.
func (s *lineScanner) skipLine() {
	if end := strings.IndexByte(s.src, '\n'); end >= 0 {
		s.next(end + 1)
	} else {
		s.src = ""
	}
}

// skipBlank goes over blanks, line ends and comments.
func (s *lineScanner) skipBlank() {
	for {
		s.next(len(s.src) - len(strings.TrimLeft(s.src, " \t\r\n")))
		if !strings.HasPrefix(s.src, "#") {
			return
		}
		s.skipLine()
	}
}
