package builtin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// FileOptions say how a file of users is read.
type FileOptions struct {
	// Lenient drops a user whose line can't be read, with a warning, instead of refusing
	// the file. A dropped user is an unknown user: nobody can log in as it here, and a
	// later stage may judge the client. A name that occurs twice is an error all the same.
	Lenient bool
}

// maxLine holds the longest name, a colon and the longest hash.
const maxLine = maxName + 1 + maxHashText

// Errors about a line as a whole.
var (
	errLongLine = fmt.Errorf("the line has more than %d bytes", maxLine)
	errNoColon  = errors.New("the line has no colon: it wants NAME:HASH, or # in its first column for a comment")
)

// utf8BOM begins the files of some editors. It is no part of the first name.
var utf8BOM = []byte("\xef\xbb\xbf")

// ReadPasswordFile reads users in the form of mosquitto's password_file: one NAME:HASH on a
// line, split at the first colon. As mosquitto does, it passes over empty lines and lines
// that begin with "#", takes LF and CR LF for line ends, and takes blanks around the name
// and around the hash away. file is the file's name for messages.
//
// Where anything is wrong, the error is a [*LoadError] with all of it, and there are no
// users. Warnings are what was wrong and let pass, or that there is no user at all; at most
// [MaxProblems], and one that counts the rest. The file is read in a stream, with memory for
// one line beside that for the users.
func ReadPasswordFile(r io.Reader, file string, o FileOptions) (users []User, warnings []Problem, err error) {
	p := passwordFile{file: file, lenient: o.Lenient, seen: make(map[string]int)}
	p.read(bufio.NewReaderSize(r, maxLine+len("\r\n")))
	if err := p.wrong.err(); err != nil {
		return nil, nil, err
	}
	if p.warn.more > 0 {
		p.warn.list = append(p.warn.list, Problem{File: file, Err: fmt.Errorf("%d more users were dropped", p.warn.more)})
	}
	if len(p.users) == 0 {
		p.warn.list = append(p.warn.list, Problem{File: file, Err: errors.New("there is no user in the file")})
	}
	return p.users, p.warn.list, nil
}

// passwordFile is a file that is being read.
type passwordFile struct {
	file    string
	lenient bool
	line    int
	users   []User
	seen    map[string]int // the line of each name, of dropped users too
	wrong   problems
	warn    problems
}

func (p *passwordFile) read(r *bufio.Reader) {
	for {
		text, err := readLine(r)
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return
		}
		p.line++
		switch {
		case errors.Is(err, errLongLine):
			p.unreadable(err)
		case err != nil && !errors.Is(err, io.EOF):
			p.wrong.add(p.file, p.line, fmt.Errorf("read: %w", err))
			return
		default:
			if p.line == 1 {
				text = bytes.TrimPrefix(text, utf8BOM)
			}
			p.take(text)
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

// take reads one line's user.
func (p *passwordFile) take(text []byte) {
	if len(text) > 0 && text[0] == '#' {
		return
	}
	text = bytes.Trim(text, " \t")
	if len(text) == 0 {
		return
	}
	before, after, ok := bytes.Cut(text, []byte(":"))
	if !ok {
		p.unreadable(errNoColon) // the line may be a password: it isn't quoted
		return
	}
	name := string(bytes.TrimRight(before, " \t"))
	if err := checkName(name); err != nil {
		p.unreadable(err)
		return
	}
	if first, ok := p.seen[name]; ok {
		p.wrong.add(p.file, p.line, fmt.Errorf("user %s: %w: first on line %d", showName(name), ErrDuplicateUser, first))
		return
	}
	p.seen[name] = p.line
	hash, err := ParseHash(string(bytes.TrimLeft(after, " \t")))
	if err != nil {
		p.unreadable(fmt.Errorf("user %s: %w", showName(name), err))
		return
	}
	p.users = append(p.users, User{Name: name, Hash: hash, File: p.file, Line: p.line})
}

// unreadable refuses the line, or drops it with a warning.
func (p *passwordFile) unreadable(err error) {
	if p.lenient {
		p.warn.add(p.file, p.line, fmt.Errorf("dropped: %w", err))
		return
	}
	p.wrong.add(p.file, p.line, err)
}
