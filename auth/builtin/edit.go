package builtin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors of [Edit], to be told apart with errors.Is.
var (
	// ErrUserExists means that the user to be added is there.
	ErrUserExists = errors.New("the user is there already")
	// ErrNoSuchUser means that the user to be changed or deleted is not there.
	ErrNoSuchUser = errors.New("there is no such user")
	// ErrNotLines means that the file is none of NAME:HASH lines.
	ErrNotLines = errors.New("not a password file")
)

// Change is one change of a file of NAME:HASH lines.
type Change struct {
	// Name is the user's.
	Name string
	// Add says that the user must be new. Otherwise it must be there.
	Add bool
	// Hash is the new hash. Nil deletes the user; with Add it adds nobody, and the error tells
	// whether one could be.
	Hash Hash
}

// CheckLineName says why a user of that name can't stand on a line of a password file, or nil
// where it can.
func CheckLineName(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case strings.ContainsAny(name, ":\r\n"):
		return errors.New("a name with a colon or a line end in it can't stand in a password file, which is split there")
	case name[0] == '#':
		return errors.New("a name that begins with # can't stand in a password file: it would be a comment")
	case strings.Trim(name, " \t") != name:
		return errors.New("a name with blanks around it can't stand in a password file: they would be cut off")
	}
	return nil
}

// WriteLine writes a user as a line of a password file. mosquitto says whether every mosquitto
// from 2.0 on can read it, or from 2.1 on where it is argon2id.
func WriteLine(w io.Writer, u User) (mosquitto bool, err error) {
	if err := CheckLineName(u.Name); err != nil {
		return false, fmt.Errorf("user %s: %w", showName(u.Name), err)
	}
	_, err = w.Write(appendLine(nil, u.Name, u.Hash, "\n"))
	switch h := u.Hash.(type) {
	case *sha512Hash:
		mosquitto = len(h.salt) == mosquittoSalt
	case *pbkdf2Hash:
		mosquitto = len(h.salt) == mosquittoSalt
	case *argon2idHash:
		mosquitto = true
	}
	return mosquitto, err
}

func appendLine(b []byte, name string, h Hash, end string) []byte {
	b = append(append(b, name...), ':')
	return append(h.appendText(b), end...)
}

// Edit copies a password file from r to w with one change. All other lines, comments and lines
// that can't be read among them, stay as they are, byte for byte; a new user comes last. The file
// must be one of NAME:HASH lines: otherwise the error wraps [ErrNotLines]. The others are
// [ErrUserExists], [ErrNoSuchUser], [ErrDuplicateUser], and those of r and w.
func Edit(r io.Reader, w io.Writer, c Change) error {
	if err := CheckLineName(c.Name); err != nil {
		return err
	}
	in := bufio.NewReaderSize(r, maxLine+len("\r\n"))
	out := bufio.NewWriter(w)
	e := edit{Change: c, out: out, end: "\n"}
	if head, _ := in.Peek(len(utf8BOM)); bytes.Equal(head, utf8BOM) {
		_, _ = in.Discard(len(utf8BOM))
		_, _ = out.Write(utf8BOM)
	}
	if f := sniff(in); f != formatLines {
		return fmt.Errorf("%w: the file is of EMQX, %s", ErrNotLines, f)
	}
	if err := e.copy(in); err != nil {
		return err
	}
	if err := e.finish(); err != nil {
		return err
	}
	return out.Flush() // which remembers what went wrong before
}

// edit is a file that is being changed.
type edit struct {
	Change
	out   *bufio.Writer
	line  int
	found int    // the line of the user
	end   string // of lines
	open  bool   // the last line has no end
}

// copy copies the lines.
func (e *edit) copy(in *bufio.Reader) error {
	for {
		raw, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d: %w", e.line+1, errLongLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(raw) > 0 {
			e.line++
			if err := e.take(raw); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// take copies or changes one line.
func (e *edit) take(raw []byte) error {
	text := bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
	end := string(raw[len(text):])
	e.open = end == "" || end == "\r"
	if !e.open {
		e.end = end
	}
	name, _, what := splitLine(text)
	if what != lineUser || string(name) != e.Name {
		_, _ = e.out.Write(raw)
		return nil
	}
	switch {
	case e.Add:
		return fmt.Errorf("user %s, line %d: %w", showName(e.Name), e.line, ErrUserExists)
	case e.found > 0:
		return fmt.Errorf("user %s, line %d: %w: first on line %d", showName(e.Name), e.line, ErrDuplicateUser, e.found)
	}
	e.found = e.line
	if e.Hash != nil {
		_, _ = e.out.Write(appendLine(nil, e.Name, e.Hash, end))
	}
	return nil
}

// finish writes a new user, behind a line that ends.
func (e *edit) finish() error {
	switch {
	case e.Add && e.Hash == nil:
	case e.Add:
		if e.open {
			_, _ = e.out.WriteString(e.end)
		}
		_, _ = e.out.Write(appendLine(nil, e.Name, e.Hash, e.end))
	case e.found == 0:
		return fmt.Errorf("user %s: %w", showName(e.Name), ErrNoSuchUser)
	}
	return nil
}
