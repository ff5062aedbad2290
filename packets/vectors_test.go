package packets

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

// vector is a file of testdata: what a stream of bytes must be taken for.
//
// A file is lines of "key: value", an empty line, and the bytes: pairs of hex digits, quoted
// text without escapes, and xx*N for a byte N times; # begins a comment. Keys: expect is
// "accept", "incomplete" or a category with its code; version; field and statement of the
// error; client-id, user-name and password of what is accepted; comment.
type vector struct {
	name   string
	header map[string]string
	frame  []byte
}

func (v *vector) accepted() bool { return v.header["expect"] == "accept" }

// vectorCategories are the words for the categories of errors.
var vectorCategories = map[string]error{
	"malformed": ErrMalformed, "protocol": ErrProtocol, "version": ErrVersion, "not-mqtt": ErrNotMQTT,
}

// maxVector is more than the largest vector.
const maxVector = 1 << 20

func loadVectors(t testing.TB) []*vector {
	t.Helper()
	files, err := filepath.Glob("testdata/*.vec")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors found: %v", err)
	}
	var all []*vector
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseVector(string(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		v.name = strings.TrimSuffix(filepath.Base(file), ".vec")
		all = append(all, v)
	}
	return all
}

func parseVector(text string) (*vector, error) {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		return nil, errors.New("no empty line after the header")
	}
	v := &vector{header: map[string]string{}}
	for line := range strings.Lines(head) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !ok {
			return nil, fmt.Errorf("header line %q", line)
		}
		v.header[key] = strings.TrimPrefix(value, " ")
	}
	for line := range strings.Lines(body) {
		line, _, _ = strings.Cut(line, "#")
		for i, part := range strings.Split(line, `"`) {
			if i%2 == 1 {
				v.frame = append(v.frame, part...)
				continue
			}
			for _, word := range strings.Fields(part) {
				b, err := vectorBytes(word)
				if err != nil {
					return nil, err
				}
				v.frame = append(v.frame, b...)
			}
		}
	}
	return v, nil
}

func vectorBytes(word string) ([]byte, error) {
	digits, count, repeated := strings.Cut(word, "*")
	b, err := hex.DecodeString(digits)
	if err != nil || !repeated {
		return b, err
	}
	n, err := strconv.Atoi(count)
	return bytes.Repeat(b, n), err
}

// readAndParse is what a session does with a new connection.
func readAndParse(r io.Reader) (all []byte, c Connect, err error) {
	all, n, err := ReadConnect(r, make([]byte, 0, 64), maxVector)
	if err == nil {
		err = ParseConnect(all[:n], &c)
	}
	return all, c, err
}

// check compares an outcome with what the vector expects.
func (v *vector) check(t *testing.T, c *Connect, err error) {
	t.Helper()
	switch expect := v.header["expect"]; expect {
	case "accept":
		if err != nil {
			t.Fatalf("got error %q, want it accepted: %s", err, v.header["comment"])
		}
		v.checkFields(t, c)
	case "incomplete":
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("got error %v, want %v", err, io.ErrUnexpectedEOF)
		}
	default:
		v.checkError(t, expect, err)
	}
}

func (v *vector) checkError(t *testing.T, expect string, err error) {
	t.Helper()
	word, code, _ := strings.Cut(expect, " ")
	category := vectorCategories[word]
	if category == nil {
		t.Fatalf("the vector expects %q: no such category", expect)
	}
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, category) {
		t.Fatalf("got error %v, want category %v: %s", err, category, v.header["comment"])
	}
	got := [...]string{fmt.Sprintf("0x%02x", byte(e.Code)), e.Version.String(), e.Field, e.Statement}
	want := [...]string{code, v.header["version"], v.header["field"], v.header["statement"]}
	if got != want {
		t.Errorf("got code, version, field, statement %q, want %q (%v)", got, want, err)
	}
}

func (v *vector) checkFields(t *testing.T, c *Connect) {
	t.Helper()
	if got, want := c.Version.String(), v.header["version"]; got != want {
		t.Errorf("got version %s, want %s", got, want)
	}
	for key, got := range map[string][]byte{"client-id": c.ClientID, "user-name": c.UserName, "password": c.Password} {
		if want, ok := v.header[key]; ok && string(got) != want {
			t.Errorf("got %s %q, want %q", key, got, want)
		}
	}
	_, user := v.header["user-name"]
	if user && !c.HasUserName {
		t.Errorf("got no user name, want one")
	}
}

func TestVectorsWhole(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			_, c, err := readAndParse(bytes.NewReader(v.frame))
			v.check(t, &c, err)
		})
	}
}

func TestVectorsByteByByte(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			_, c, err := readAndParse(iotest.OneByteReader(bytes.NewReader(v.frame)))
			v.check(t, &c, err)
		})
	}
}

// cuts calls f for every length below n; for a large n for many of them.
func cuts(n int, f func(int)) {
	for i := range n {
		if i < 512 || n-i < 64 || i%16381 == 0 {
			f(i)
		}
	}
}

func TestVectorsCutAtEveryLength(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			cuts(len(v.frame), func(n int) {
				var c Connect
				if err := ParseConnect(v.frame[:n], &c); err == nil {
					t.Fatalf("ParseConnect accepted %d of %d bytes", n, len(v.frame))
				}
				_, _, err := readAndParse(bytes.NewReader(v.frame[:n]))
				if v.accepted() && n > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("ReadConnect of %d of %d bytes: got error %v, want %v", n, len(v.frame), err, io.ErrUnexpectedEOF)
				}
				if err == nil {
					t.Fatalf("ReadConnect accepted %d of %d bytes", n, len(v.frame))
				}
				if size, err := PacketSize(v.frame[:n]); v.accepted() && (err != nil || size != 0 && size != len(v.frame)) {
					t.Fatalf("PacketSize of %d bytes: got %d, %v, want 0 or %d", n, size, err, len(v.frame))
				}
			})
		})
	}
}

// A packet cut short whose length tells the truth is another packet: most are faulty, and
// those of 3.1 that lack their last strings are not. Whatever is accepted is written again
// as it came.
func TestVectorsCutWithTrueLength(t *testing.T) {
	for _, v := range loadVectors(t) {
		if !v.accepted() {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			_, header := varint(v.frame[1:])
			body := v.frame[1+header:]
			cuts(len(body), func(n int) {
				frame := append(appendVarint([]byte{v.frame[0]}, n), body[:n]...)
				var c Connect
				if err := ParseConnect(frame, &c); err != nil {
					return
				}
				if c.Version != V31 || c.spareFlags&(flagUserName|flagPassword) == 0 {
					t.Fatalf("accepted %d of %d bytes of the body: % x", n, len(body), frame)
				}
				if got := AppendConnect(nil, &c); !bytes.Equal(got, frame) {
					t.Fatalf("written again: got % x, want % x", got, frame)
				}
			})
		})
	}
}

func TestVectorsWrittenAgainAreIdentical(t *testing.T) {
	for _, v := range loadVectors(t) {
		if !v.accepted() {
			continue
		}
		t.Run(v.name, func(t *testing.T) {
			var c Connect
			if err := ParseConnect(v.frame, &c); err != nil {
				t.Fatal(err)
			}
			prefix := []byte("before")
			if got, want := AppendConnect(prefix, &c), append(prefix, v.frame...); !bytes.Equal(got, want) {
				t.Errorf("got % x, want % x", got, want)
			}
		})
	}
}
