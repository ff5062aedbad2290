package packets

import (
	"bytes"
	"errors"
	"testing"
)

func TestFramerFindsTheLastBoundary(t *testing.T) {
	ping, publish := "\xc0\x00", "\x30\x05\x00\x01abc"
	cases := []struct {
		name   string
		pieces []string
		want   []int
		at     bool
	}{
		{"nothing", []string{""}, []int{-1}, true},
		{"one packet", []string{publish}, []int{7}, true},
		{"packets of no body", []string{ping + ping}, []int{4}, true},
		{"a packet and a part", []string{publish + "\x30"}, []int{7}, false},
		{"cut in the length", []string{"\x30", "\x05", "\x00\x01abc" + ping}, []int{-1, -1, 7}, true},
		{"cut in a long length", []string{"\x30\x80", "\x01" + string(make([]byte, 127)), "\x00\xc0"}, []int{-1, -1, 1}, false},
		{"cut in the body", []string{publish[:4], publish[4:6], publish[6:]}, []int{-1, -1, 1}, true},
		{"more bytes than needed", []string{"\x30\x83\x00abc", "\xc0\x80\x80\x80\x00"}, []int{6, 5}, true},
		{"the largest length", []string{"\x30\xff\xff\xff\x7f", "x"}, []int{-1, -1}, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var f Framer
			for i, p := range tc.pieces {
				if last, err := f.Advance([]byte(p)); last != tc.want[i] || err != nil {
					t.Errorf("piece %d, % x: got %d, %v, want %d", i, p, last, err, tc.want[i])
				}
			}
			if f.AtBoundary() != tc.at {
				t.Errorf("got at boundary %v, want %v", f.AtBoundary(), tc.at)
			}
		})
	}
}

func TestFramerIsLostForGood(t *testing.T) {
	var f Framer
	last, err := f.Advance([]byte("\xc0\x00\x30\xff\xff\xff\xff\x01"))
	if last != 2 || !errors.Is(err, ErrMalformed) {
		t.Errorf("got %d, %v, want 2, %v", last, err, ErrMalformed)
	}
	for _, p := range []string{"", "\xc0\x00"} {
		if last, err := f.Advance([]byte(p)); last != -1 || !errors.Is(err, ErrMalformed) || f.AtBoundary() {
			t.Errorf("after the error, % x: got %d, %v, at boundary %v, want -1, %v, false", p, last, err, f.AtBoundary(), ErrMalformed)
		}
	}
}

func TestFramerAllocatesNothing(t *testing.T) {
	stream := bytes.Repeat([]byte("\x30\x05\x00\x01abc"), 100)
	junk := []byte("\x30\xff\xff\xff\xff")
	got := testing.AllocsPerRun(100, func() {
		var f Framer
		_, _ = f.Advance(stream)
		_, _ = f.Advance(junk)
	})
	if got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func TestConnackScanner(t *testing.T) {
	cases := []struct {
		name, stream string
		done         int // bytes after which the verdict must be known, 0 for never
		code         ReasonCode
		err          error
	}{
		{"3.1.1 accepted", "\x20\x02\x00\x00\x90", 4, ConnackAccepted, nil},
		{"3.1.1 session present", "\x20\x02\x01\x00", 4, ConnackAccepted, nil},
		{"3.1 refused", "\x20\x02\x00\x05", 4, ConnackNotAuthorized, nil},
		{"5.0 accepted with properties", "\x20\x06\x00\x00\x03\x21\x00\x14", 4, Success, nil},
		{"5.0 refused", "\x20\x03\x00\x87\x00", 4, NotAuthorized, nil},
		{"5.0 with long properties", "\x20\x80\x01\x00\x8a", 5, Banned, nil},
		{"incomplete", "\x20\x02\x00", 0, 0, nil},
		{"publish first", "\x30\x02\x00\x00", 1, 0, ErrProtocol},
		{"auth first", "\xf0\x02\x18\x00", 1, 0, ErrProtocol},
		{"http", "HTTP/1.1 400", 1, 0, ErrProtocol},
		{"flags in the fixed header", "\x21\x02\x00\x00", 1, 0, ErrMalformed},
		{"reserved bit", "\x20\x02\x02\x00", 3, 0, ErrMalformed},
		{"no room for a code", "\x20\x01\x00", 2, 0, ErrMalformed},
		{"length of five bytes", "\x20\x80\x80\x80\x80\x01", 5, 0, ErrMalformed},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var s ConnackScanner
			for i := range len(tc.stream) {
				done := s.Feed([]byte(tc.stream[i : i+1]))
				if want := tc.done > 0 && i+1 >= tc.done; done != want {
					t.Fatalf("after %d bytes: got done %v, want %v", i+1, done, want)
				}
			}
			if s.Code() != tc.code || !errors.Is(s.Err(), tc.err) || (s.Err() == nil) != (tc.err == nil) {
				t.Errorf("got %v, %v, want %v, %v", s.Code(), s.Err(), tc.code, tc.err)
			}
		})
	}
}
