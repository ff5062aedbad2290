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
	// Format is the file's. The zero value tells it by the content.
	Format Format
	// Lenient drops a user that can't be read, with a warning, instead of refusing the file. A
	// dropped user is an unknown user: nobody can log in as it here, and a later stage may
	// judge the client. A name that occurs twice is an error all the same.
	Lenient bool
	// EMQX says how the hashes in a file of EMQX were made: the file doesn't.
	EMQX EMQXOptions
	// Clear makes the hash of a password that stands in the file in clear text, which
	// [EMQXOptions.Algorithm] "plain" alone allows. Nil means one that costs little and is the
	// same whenever the file is read. The password is not valid after it returns.
	Clear func(name string, password []byte) (Hash, error)
}

// ReadFile reads the users of a file, which is called file in messages. The package comment
// says what may be in it.
//
// Where anything is wrong, the error is a [*LoadError] with all of it, and there are no users.
// Warnings are what was wrong and let pass, which passwords are badly kept, or that there is no
// user at all: at most [MaxProblems] of the first kind, and one that counts the rest. The file is
// read in a stream, with memory for one line beside that for the users.
func ReadFile(r io.Reader, file string, o FileOptions) (users *Directory, warnings []Problem, err error) {
	how, err := o.EMQX.compile(o.Clear)
	if err != nil {
		return nil, nil, err
	}
	in := bufio.NewReaderSize(r, maxLine+len("\r\n"))
	if head, _ := in.Peek(len(utf8BOM)); bytes.Equal(head, utf8BOM) {
		_, _ = in.Discard(len(utf8BOM)) // some editors begin a file with it; it was peeked at
	}
	format := o.Format
	if format == FormatAuto {
		format = sniff(in)
	}
	t := &intake{
		file: file, format: format, lenient: o.Lenient, how: how, users: newDirectory(file),
		dropped: map[string]int{}, weak: map[string]*weakUsers{},
	}
	switch format {
	case FormatEMQXCSV:
		t.readCSV(in)
	case FormatEMQXJSON:
		t.readJSON(in)
	default:
		t.readLines(in)
	}
	if err := t.wrong.err(); err != nil {
		return nil, nil, err
	}
	t.users.form = format
	return t.users, t.warnings(), nil
}

// utf8BOM begins the files of some editors. It is no part of the first name.
var utf8BOM = []byte("\xef\xbb\xbf")

// intake is a file that is being read.
type intake struct {
	file    string
	format  Format
	lenient bool
	how     *emqx
	users   *Directory
	dropped map[string]int // the line of each name that was dropped
	wrong   problems
	warn    problems
	weak    map[string]*weakUsers // by why they are weak
	reasons []string              // the keys of weak, in the file's order
	salted  int                   // how many have a salt that is not used
	supers  int                   // how many are superusers
}

// weakUsers are those whose passwords are kept badly for the same reason.
type weakUsers struct{ users, firstLine int }

// user takes a user in, whose hash is what parse returns.
func (t *intake) user(line int, name string, parse func() (Hash, error)) {
	if err := checkName(name); err != nil {
		t.unreadable(line, err)
		return
	}
	if first := max(t.users.line(name), t.dropped[name]); first > 0 {
		t.wrong.add(t.file, line, fmt.Errorf("user %s: %w: first on line %d", showName(name), ErrDuplicateUser, first))
		return
	}
	hash, err := parse()
	if err != nil {
		t.dropped[name] = line
		t.unreadable(line, fmt.Errorf("user %s: %w", showName(name), err))
		return
	}
	t.users.add(name, hash, line)
	if why := hash.Weakness(); why != "" {
		t.isWeak(line, why)
	}
}

// unreadable refuses what is on the line, or drops it with a warning.
func (t *intake) unreadable(line int, err error) {
	if t.lenient {
		t.warn.add(t.file, line, fmt.Errorf("dropped: %w", err))
		return
	}
	t.wrong.add(t.file, line, err)
}

// broken ends the reading: what comes behind can't be told apart.
func (t *intake) broken(line int, err error) {
	t.wrong.add(t.file, line, fmt.Errorf("read: %w", err))
}

func (t *intake) isWeak(line int, why string) {
	if t.weak[why] == nil {
		t.weak[why] = &weakUsers{firstLine: line}
		t.reasons = append(t.reasons, why)
	}
	t.weak[why].users++
}

// warnings are what there is to say of a file that was read.
func (t *intake) warnings() []Problem {
	all := t.warn.list
	say := func(line int, err error) { all = append(all, Problem{File: t.file, Line: line, Err: err}) }
	if t.warn.more > 0 {
		say(0, fmt.Errorf("%d more users were dropped", t.warn.more))
	}
	for _, why := range t.reasons {
		w := t.weak[why]
		say(w.firstLine, fmt.Errorf("the passwords of %s from here on are kept as %s: give them new ones", people(w.users), why))
	}
	if t.salted > 0 {
		say(0, fmt.Errorf("the salt of %s is not used: salt_position is disable", people(t.salted)))
	}
	if t.supers > 0 {
		say(0, fmt.Errorf("is_superuser is true of %s: what a user may do is the broker's to judge, which hears nothing of it from here", people(t.supers)))
	}
	if t.users.Len() == 0 {
		say(0, errors.New("there is no user in the file"))
	}
	return all
}

// people is a number of users in words.
func people(n int) string {
	if n == 1 {
		return "1 user"
	}
	return fmt.Sprintf("%d users", n)
}
