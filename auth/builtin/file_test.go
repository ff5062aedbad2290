package builtin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var fixturePasswords = map[string]string{
	"alice":     "wonderland",
	"bob":       "builder",
	"café":      "crème brûlée",
	"two words": "with: colon $ and blanks ",
	"long":      strings.Repeat("x", 300),
	"longer":    strings.Repeat("y", 300),
	"argon":     "argonaut",
	"lanes":     "argonaut",
	"2a":        "correct horse",
	"2b":        "correct horse",
	"2y":        "correct horse",
	"max":       strings.Repeat("z", 72),
}

// read reads a file called f and returns all of its users.
func read(r io.Reader, o FileOptions) (users []User, warnings []Problem, err error) {
	d, warnings, err := ReadFile(r, "f", o)
	if d != nil {
		users = slices.Collect(d.All())
	}
	return users, warnings, err
}

func TestReadPasswordFileOfItsMakers(t *testing.T) {
	for _, tc := range []struct {
		file  string
		edit  func([]byte) []byte
		users int
	}{
		{"testdata/mosquitto.pw", bytes.Clone, 6},
		{"testdata/others.pw", bytes.Clone, 6},
		{"testdata/htpasswd.pw", bytes.Clone, 3},
		{"testdata/mosquitto.pw", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }, 6},
		{"testdata/mosquitto.pw", bytes.TrimSpace, 6}, // no line end at the end
		{"testdata/others.pw", func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) }, 6},
	} {
		raw, err := os.ReadFile(tc.file)
		if err != nil {
			t.Fatal(err)
		}
		users, warnings, err := read(bytes.NewReader(tc.edit(raw)), FileOptions{})
		if err != nil || len(warnings) != strings.Count(tc.file, "htpasswd") || len(users) != tc.users {
			t.Fatalf("%s: %d users, warnings %v, error %v; want %d users", tc.file, len(users), warnings, err, tc.users)
		}
		for _, u := range users {
			password, ok := fixturePasswords[u.Name]
			if !ok {
				t.Errorf("%s:%d: unexpected user %q", u.File, u.Line, u.Name)
			}
			if ok, err := u.Hash.verify([]byte(password)); !ok || err != nil {
				t.Errorf("%s:%d: user %q: right password: %v, %v", u.File, u.Line, u.Name, ok, err)
			}
			if ok, err := u.Hash.verify([]byte(password[1:])); ok || err != nil {
				t.Errorf("%s:%d: user %q: wrong password: %v, %v", u.File, u.Line, u.Name, ok, err)
			}
		}
	}
}

func TestReadPasswordFileLines(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       string // NAME@LINE
	}{
		{"one user", "a:" + emptySHA512 + "\n", "a@1"},
		{"comment and empty lines count", "# x\n\n \t\na:" + emptySHA512, "a@4"},
		{"blanks around", " a\t: " + emptySHA512 + " \r\n", "a@1"},
		{"a comment may hold a user", "#a:" + emptySHA512 + "\nb:" + emptySHA512, "b@2"},
		{"hash in a name", "a#b:" + emptySHA512, "a#b@1"},
		{"the longest name", strings.Repeat("n", maxName) + ":" + emptySHA512 + "\r\n", strings.Repeat("n", maxName) + "@1"},
	} {
		users, warnings, err := read(strings.NewReader(tc.text), FileOptions{})
		if err != nil || len(warnings) > 0 || len(users) != 1 {
			t.Errorf("%s: %d users, warnings %v, error %v; want one user", tc.name, len(users), warnings, err)
			continue
		}
		if got := fmt.Sprintf("%s@%d", users[0].Name, users[0].Line); got != tc.want {
			t.Errorf("%s: got %.40s, want %.40s", tc.name, got, tc.want)
		}
	}
}

var badLines = []struct {
	name, line, want string
}{
	{"clear text", "joe:hunter22", `f:2: user "joe": not a password hash that can be read: clear-text`},
	{"apr1", "joe:$apr1$hunter22$x", `f:2: user "joe": not a password hash that can be read: $apr1$`},
	{"no hash", "joe:", `f:2: user "joe": not a password hash that can be read: it is empty`},
	{"no colon", "hunter22", "f:2: the line has no colon"},
	{"indented comment", "  # hunter22", "f:2: the line has no colon"},
	{"empty name", ":" + emptySHA512, "f:2: the user name is empty"},
	{"blank name", " \t:" + emptySHA512, "f:2: the user name is empty"},
	{"NUL", "j\x00e:" + emptySHA512, "f:2: the user name has a NUL"},
	{"Latin-1", "caf\xe9:" + emptySHA512, "f:2: the user name is not UTF-8"},
	{"another part", "joe:" + emptySHA512 + ":x", `f:2: user "joe": malformed`},
	{"cut short", "joe:" + emptySHA512[:60], `f:2: user "joe": malformed`},
	{"long name", strings.Repeat("n", maxName+1) + ":" + emptySHA512, "f:2: the user name has 65536 bytes"},
	{"long line", strings.Repeat("hunter22", 20000), "f:2: the line has more than"},
}

func TestReadPasswordFileRefusesALineWithItsNumber(t *testing.T) {
	for _, tc := range badLines {
		text := "a:" + emptySHA512 + "\n" + tc.line + "\nz:" + emptySHA512 + "\n"
		users, _, err := read(strings.NewReader(text), FileOptions{})
		if err == nil || users != nil {
			t.Errorf("%s: %d users, error %v; want none and an error", tc.name, len(users), err)
			continue
		}
		if !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want %q...", tc.name, err, tc.want)
		}
		var problem Problem
		if !errors.As(err, &problem) || problem.Line != 2 || problem.File != "f" {
			t.Errorf("%s: errors.As gives %+v, want line 2 of f", tc.name, problem)
		}
	}
}

func TestReadPasswordFileLenientDropsALineAndWarns(t *testing.T) {
	for _, tc := range badLines {
		text := "a:" + emptySHA512 + "\n" + tc.line + "\nz:" + emptySHA512 + "\n"
		users, warnings, err := read(strings.NewReader(text), FileOptions{Lenient: true})
		if err != nil || len(users) != 2 || users[0].Name != "a" || users[1].Name != "z" || users[1].Line != 3 {
			t.Errorf("%s: users %v, error %v; want a and z", tc.name, users, err)
		}
		want := strings.Replace(tc.want, "f:2: ", "f:2: dropped: ", 1)
		if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Error(), want) {
			t.Errorf("%s: warnings %v, want %q...", tc.name, warnings, want)
		}
	}
}

func TestReadPasswordFileRefusesDuplicates(t *testing.T) {
	for _, tc := range []struct{ name, first string }{
		{"two good lines", emptySHA512},
		{"the first one dropped", "clear"},
	} {
		text := "joe:" + tc.first + "\njoe :" + emptyBcrypt + "\n"
		_, _, err := read(strings.NewReader(text), FileOptions{Lenient: true})
		if want := `f:2: user "joe": the user is declared twice: first on line 1`; err == nil || err.Error() != want || !errors.Is(err, ErrDuplicateUser) {
			t.Errorf("%s: error %v, want %s", tc.name, err, want)
		}
	}
}

func TestReadPasswordFileReportsAllProblemsWithinABound(t *testing.T) {
	text := strings.Repeat("hunter22\n", MaxProblems+5)
	_, _, err := read(strings.NewReader(text), FileOptions{})
	var load *LoadError
	if !errors.As(err, &load) || len(load.Problems) != MaxProblems || load.More != 5 {
		t.Fatalf("error = %#v, want %d problems and 5 more", err, MaxProblems)
	}
	lines := strings.Split(load.Error(), "\n")
	if got, want := lines[len(lines)-1], "and 5 more"; got != want || len(lines) != MaxProblems+1 {
		t.Errorf("last of %d lines = %q, want %q", len(lines), got, want)
	}

	users, warnings, err := read(strings.NewReader(text), FileOptions{Lenient: true})
	if err != nil || len(users) != 0 || len(warnings) != MaxProblems+2 {
		t.Fatalf("lenient: %d users, %d warnings, %v; want %d warnings", len(users), len(warnings), err, MaxProblems+2)
	}
	if got, want := warnings[MaxProblems].Error(), "f: 5 more users were dropped"; got != want {
		t.Errorf("warning = %q, want %q", got, want)
	}
}

func TestReadPasswordFileWarnsOfNoUser(t *testing.T) {
	for _, text := range []string{"", "\n", "# nobody\r\n"} {
		users, warnings, err := read(strings.NewReader(text), FileOptions{})
		if err != nil || len(users) != 0 || len(warnings) != 1 || warnings[0].Error() != "f: there is no user in the file" {
			t.Errorf("%q: %v, %v, %v; want the warning alone", text, users, warnings, err)
		}
	}
}

func TestReadPasswordFileReportsAReadError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, begin := range []string{"", "a:" + emptySHA512 + "\nb:", strings.Repeat("x", 2*maxLine)} {
		r := io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken))
		users, _, err := read(r, FileOptions{Lenient: true})
		if !errors.Is(err, broken) || users != nil {
			t.Errorf("after %.10q: users %v, error %v; want %v", begin, users, err, broken)
		}
	}
}

func TestProblemShowsNoTokenAsAName(t *testing.T) {
	const token = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
	_, _, err := read(strings.NewReader(token+":clear"), FileOptions{})
	if err == nil || strings.Contains(err.Error(), "c2ln") {
		t.Errorf("error = %v, want one without the token", err)
	}
}

func FuzzReadPasswordFile(f *testing.F) {
	for _, file := range []string{"testdata/mosquitto.pw", "testdata/others.pw"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, false)
		f.Add(bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")), true)
	}
	for _, tc := range badLines {
		f.Add([]byte("a:"+emptySHA512+"\n"+tc.line), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, lenient bool) {
		users, warnings, err := read(bytes.NewReader(raw), FileOptions{Lenient: lenient})
		if err != nil {
			var load *LoadError
			if !errors.As(err, &load) || len(load.Problems) == 0 || len(load.Problems) > MaxProblems || users != nil {
				t.Fatalf("error %v with %d users", err, len(users))
			}
			for _, p := range load.Problems {
				if p.Line < 1 || p.File != "f" || !strings.HasPrefix(p.Error(), "f:") {
					t.Fatalf("problem without a line: %+v", p)
				}
			}
			return
		}
		if len(users) == 0 && len(warnings) == 0 {
			t.Fatal("neither a user nor a warning")
		}
		s, err := New(Options{Users: users, Workers: 1})
		if err != nil {
			t.Fatalf("New refuses what was read: %v", err)
		}
		defer s.Close()
		for _, u := range users {
			if u.Hash.work().takes > time.Millisecond {
				continue
			}
			c := credentials(u.Name, "")
			if got := s.Authenticate(t.Context(), c); got.Decision.String() != "deny" {
				t.Fatalf("user %q with the empty password: %v", u.Name, got)
			}
		}
	})
}

func TestWeakHashesWarnOnce(t *testing.T) {
	const sha = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="
	_, warnings, err := read(strings.NewReader("a:"+emptyBcrypt+"\nb:"+sha+"\nc:"+sha), FileOptions{})
	want := "f:2: the passwords of 2 users from here on are kept as sha without a salt, which is guessed for all users at once: give them new ones"
	if err != nil || len(warnings) != 1 || warnings[0].Error() != want {
		t.Errorf("warnings %v, error %v; want %s", warnings, err, want)
	}
}
