package packets

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
)

// seedVectors adds the vectors of less than 4 KiB to f, with the arguments that follow.
func seedVectors(f *testing.F, more ...any) {
	for _, v := range loadVectors(f) {
		if len(v.frame) < 4096 {
			f.Add(append([]any{v.frame}, more...)...)
		}
	}
}

// pieces cuts data into pieces of the sizes that pattern gives, over and over; without a
// pattern into one.
func pieces(data, pattern []byte) [][]byte {
	var all [][]byte
	for i := 0; len(data) > 0; i++ {
		n := len(data)
		if len(pattern) > 0 {
			n = min(n, 1+int(pattern[i%len(pattern)]))
		}
		all = append(all, data[:n])
		data = data[n:]
	}
	return all
}

// pieceReader returns no more than one piece with each Read.
func pieceReader(data, pattern []byte) io.Reader {
	var readers []io.Reader
	for _, p := range pieces(data, pattern) {
		readers = append(readers, bytes.NewReader(p))
	}
	return io.MultiReader(readers...)
}

// checkCategory fails the test where err is no complete *Error.
func checkCategory(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code < 0x80 || e.Field == "" || e.Statement == "" {
		t.Fatalf("got error %#v, want one with code, field and statement", err)
	}
	switch e.Unwrap() {
	case ErrNotMQTT, ErrTooLarge, ErrMalformed, ErrProtocol, ErrVersion:
	default:
		t.Fatalf("got category %v of %v", e.Unwrap(), err)
	}
}

func FuzzParseConnect(f *testing.F) {
	seedVectors(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := bytes.Clone(frame)
		var c Connect
		err := ParseConnect(frame, &c)
		if !bytes.Equal(frame, before) {
			t.Fatalf("the frame was changed")
		}
		if got, want := printed(c), printed(blanked(c)); got != want {
			t.Fatalf("what is printed depends on what the client sent:\n%s\nand of blanks:\n%s", got, want)
		}
		if err != nil {
			checkCategory(t, err)
			return
		}
		if got := AppendConnect(nil, &c); !bytes.Equal(got, frame) {
			t.Fatalf("written again: got % x, want % x", got, frame)
		}
		if n, err := PacketSize(frame); n != len(frame) || err != nil {
			t.Fatalf("PacketSize: got %d, %v, want %d", n, err, len(frame))
		}
		cuts(len(frame), func(n int) {
			if ParseConnect(frame[:n], &c) == nil {
				t.Fatalf("accepted %d of %d bytes: % x", n, len(frame), frame)
			}
		})
	})
}

// blanked is c with zeros in place of all that the client sent as text or data.
func blanked(c Connect) Connect {
	for _, f := range []*[]byte{&c.ClientID, &c.UserName, &c.Password, &c.WillTopic, &c.WillPayload,
		&c.WillProperties, &c.Properties, &c.AuthenticationMethod} {
		*f = make([]byte, len(*f))
	}
	return c
}

func FuzzReadConnect(f *testing.F) {
	seedVectors(f, []byte{0}, uint16(0), uint16(1000))
	seedVectors(f, []byte{2, 9}, uint16(16), uint16(64))
	f.Add([]byte(plainConnect+plainConnect), []byte{40}, uint16(512), uint16(512))
	f.Fuzz(func(t *testing.T, stream, pattern []byte, room, limit uint16) {
		_, wantN, wantErr := ReadConnect(bytes.NewReader(stream), make([]byte, 0, len(stream)+8), int(limit))
		buf := make([]byte, 0, room)
		r := pieceReader(stream, pattern)
		all, n, err := ReadConnect(r, buf, int(limit))
		if n != wantN || !sameError(err, wantErr) {
			t.Fatalf("in pieces: got %d, %v, want %d, %v", n, err, wantN, wantErr)
		}
		if !bytes.HasPrefix(stream, all) || n > len(all) || n > int(limit) {
			t.Fatalf("got %d of % x, want a prefix of % x, at most %d bytes", n, all, stream, limit)
		}
		rest, _ := io.ReadAll(r)
		if len(all)+len(rest) != len(stream) {
			t.Fatalf("got %d bytes and %d left, want %d together", len(all), len(rest), len(stream))
		}
		// Growing is paid for by bytes that arrived, and ends with the declared size.
		bound := max(int(room), minReadBuffer, min(2*len(all), int(limit)))
		if cap(all) > bound {
			t.Fatalf("got a buffer of %d for %d bytes, want at most %d", cap(all), len(all), bound)
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			checkCategory(t, err)
		}
	})
}

func sameError(a, b error) bool {
	var x, y *Error
	if errors.As(a, &x) && errors.As(b, &y) {
		return x == y
	}
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(a, target) != errors.Is(b, target) {
			return false
		}
	}
	return (a == nil) == (b == nil)
}

func FuzzRewrite(f *testing.F) {
	seedVectors(f, true, []byte("u"), true, []byte("pw"))
	seedVectors(f, false, []byte{}, true, []byte{0xff, 0})
	seedVectors(f, false, []byte{}, false, []byte{})
	f.Fuzz(func(t *testing.T, frame []byte, hasUser bool, user []byte, hasPassword bool, password []byte) {
		var c Connect
		if ParseConnect(frame, &c) != nil || !ValidString(user) || len(password) > MaxString {
			return
		}
		want := c
		want.HasUserName, want.UserName, want.HasPassword, want.Password = hasUser, nil, hasPassword, nil
		if hasUser {
			want.UserName = user
		}
		if hasPassword {
			want.Password = password
		}
		out := AppendConnect(nil, &want)
		var got Connect
		if err := ParseConnect(out, &got); err != nil {
			t.Fatalf("rewritten % x to % x: %v", frame, out, err)
		}
		// The flags of missing strings go where they would announce another string.
		got.spareFlags &^= flagUserName | flagPassword
		want.spareFlags &^= flagUserName | flagPassword
		if a, b := plainValues(got), plainValues(want); !reflect.DeepEqual(a, b) {
			t.Fatalf("rewritten % x to % x: got\n%q\nwant\n%q", frame, out, a, b)
		}
	})
}

// plainValues is c as a list of plain values; empty and nil slices are the same.
func plainValues(c Connect) []string {
	v := reflect.ValueOf(c)
	all := make([]string, v.NumField())
	for i := range all {
		switch f := v.Field(i); f.Kind() {
		case reflect.Slice:
			all[i] = string(f.Bytes())
		case reflect.Bool:
			all[i] = map[bool]string{true: "true", false: "false"}[f.Bool()]
		default:
			all[i] = string(rune(f.Uint()%0x10000)) + string(rune(f.Uint()/0x10000))
		}
	}
	return all
}

// boundaries walks over a stream and returns the ends of its packets, and where walking
// became impossible, or -1.
func boundaries(t *testing.T, stream []byte) (ends []int, lostAt int) {
	for at := 0; ; {
		n, err := PacketSize(stream[at:])
		if err == errLengthNotMinimal { // which a Framer follows
			value, size := varint(stream[at+1:])
			n, err = 1+size+value, nil
		}
		if err != nil {
			return ends, at
		}
		if n == 0 || n > len(stream)-at {
			return ends, -1
		}
		at += n
		ends = append(ends, at)
	}
}

func FuzzFramer(f *testing.F) {
	var stream []byte
	for _, v := range loadVectors(f) {
		if len(v.frame) < 200 {
			stream = append(stream, v.frame...)
			f.Add(stream[max(0, len(stream)-300):], []byte{1, 7})
		}
	}
	f.Add([]byte("\xc0\x00\x30\x05\x00\x01abc\xc0\x80\x00\x30\xff\xff\xff\xff"), []byte{})
	f.Fuzz(func(t *testing.T, stream, pattern []byte) {
		ends, lostAt := boundaries(t, stream)
		var framer Framer
		at := 0
		for _, p := range pieces(stream, pattern) {
			want := -1
			for _, end := range ends {
				if end > at && end <= at+len(p) {
					want = end - at
				}
			}
			// The fault is known with the fourth byte of the length.
			faulty := lostAt >= 0 && at+len(p) >= lostAt+1+maxLengthBytes
			last, err := framer.Advance(p)
			if last != want || (err != nil) != faulty {
				t.Fatalf("at %d, % x: got %d, %v, want %d, error %v", at, p, last, err, want, faulty)
			}
			if at += len(p); framer.AtBoundary() != (len(ends) > 0 && ends[len(ends)-1] == at || last == len(p)) && err == nil {
				t.Fatalf("at %d: got at boundary %v", at, framer.AtBoundary())
			}
		}
	})
}

func FuzzConnackScanner(f *testing.F) {
	for _, s := range []string{"\x20\x02\x00\x00\x90", "\x20\x03\x00\x87\x00", "\x20\x80\x01\x00\x8a",
		"\x30\x02", "\x21\x02\x00\x00", "\x20\x02\x02\x00", "\x20\x80\x80\x80\x80\x01", "\x20\x82\x00\x01\x00"} {
		f.Add([]byte(s), []byte{0})
	}
	f.Fuzz(func(t *testing.T, stream, pattern []byte) {
		var whole, inPieces ConnackScanner
		want := whole.Feed(stream)
		done := false
		for _, p := range pieces(stream, pattern) {
			was := done
			if done = inPieces.Feed(p); was && !done {
				t.Fatalf("the verdict was taken back")
			}
		}
		if done != want || inPieces.Code() != whole.Code() || inPieces.Err() != whole.Err() {
			t.Fatalf("in pieces: got %v, %v, %v, want %v, %v, %v", done, inPieces.Code(), inPieces.Err(), want, whole.Code(), whole.Err())
		}
		if err := whole.Err(); err != nil {
			checkCategory(t, err)
			return
		}
		if !done {
			return
		}
		value, size := varint(stream[1:])
		if stream[0] != typeConnack || value < 2 || stream[1+size] > 1 || ReasonCode(stream[2+size]) != whole.Code() {
			t.Fatalf("% x: got code %v", stream, whole.Code())
		}
	})
}
