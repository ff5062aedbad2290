package builtin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine holds the longest name, a colon and the longest hash.
const maxLine = maxName + 1 + maxHashText

// Errors about a line as a whole.
var (
	errLongLine = fmt.Errorf("the line has more than %d bytes", maxLine)
	errNoColon  = errors.New("the line has no colon: it wants NAME:HASH, or # in its first column for a comment")
)

// readLines reads users in the form of mosquitto's password_file: one NAME:HASH on a line, split
// at the first colon. As mosquitto does, it passes over empty lines and lines that begin with
// "#", takes LF and CR LF for line ends, and takes blanks around the name and around the hash
// away.
func (t *intake) readLines(r *bufio.Reader) {
	for line := 1; ; line++ {
		text, err := readLine(r)
		switch {
		case errors.Is(err, io.EOF) && len(text) == 0:
			return
		case errors.Is(err, errLongLine):
			t.unreadable(line, err)
		case err != nil && !errors.Is(err, io.EOF):
			t.broken(line, err)
			return
		default:
			t.takeLine(line, text)
		}
	}
}

// readLine returns the next line without its end. The slice is valid until the next call.
// A line that is too long is read to its end and reported as errLongLine. At the end of
// the input the last line, if any, comes with io.EOF.
func readLine(r *bufio.Reader) ([]byte, error) {
	text, err := r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, errLongLine
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")), err
}

// takeLine reads one line's user.
func (t *intake) takeLine(line int, text []byte) {
	name, hash, what := splitLine(text)
	switch what {
	case lineOther: // it may be a password: it isn't quoted
		t.unreadable(line, errNoColon)
	case lineUser:
		t.user(line, string(name), func() (Hash, error) { return t.parseHash(string(hash)) })
	}
}

// parseHash reads a hash of a kind that the file's format has.
func (t *intake) parseHash(s string) (Hash, error) {
	h, err := ParseHash(s)
	if err == nil && !t.format.allows(s) {
		return nil, fmt.Errorf("%w: not of a kind that format = %q has, which are %s; leave format out to read all",
			ErrUnknownHash, t.format, strings.Join(t.format.kinds(), " "))
	}
	return h, err
}

// lineKind is what is on a line.
type lineKind byte

const (
	lineEmpty lineKind = iota // nothing, or a comment
	lineUser
	lineOther
)

// splitLine tells what is on a line, whose end is cut off, and takes a user's apart.
func splitLine(text []byte) (name, hash []byte, what lineKind) {
	if len(text) > 0 && text[0] == '#' {
		return nil, nil, lineEmpty
	}
	text = bytes.Trim(text, " \t")
	if len(text) == 0 {
		return nil, nil, lineEmpty
	}
	name, hash, ok := bytes.Cut(text, []byte(":"))
	if !ok {
		return nil, nil, lineOther
	}
	return bytes.TrimRight(name, " \t"), bytes.TrimLeft(hash, " \t"), lineUser
}
