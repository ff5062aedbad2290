package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxDisplay is how many bytes of a client's text are kept and shown.
const MaxDisplay = 128

// maskedToken stands wherever a token would be shown.
const maskedToken = "[jwt]"

// IsToken reports whether b has the shape of a JWT: three dot-separated parts of which
// the first is the base64url form of a JSON object. It says nothing of its validity.
func IsToken(b []byte) bool {
	if bytes.Count(b, []byte{'.'}) != 2 {
		return false
	}
	head := b[:bytes.IndexByte(b, '.')]
	if len(head) < 2 {
		return false
	}
	header := make([]byte, base64.RawURLEncoding.DecodedLen(len(head)))
	n, err := base64.RawURLEncoding.Decode(header, head)
	if err != nil {
		return false
	}
	header = bytes.TrimSpace(header[:n])
	return len(header) > 1 && header[0] == '{' && json.Valid(header)
}

// mustMask reports whether b is a token, or holds what may be one: a token that was damaged
// on its way, or sent as "Bearer TOKEN", is still nobody's to read. Each place where a word
// of base64url begins is looked at; names such as "ewa.kowalska" are none.
func mustMask(b []byte) bool {
	for i := range b[:min(len(b), MaxDisplay)] { // the rest is never shown
		if (i == 0 || !isBase64URL(b[i-1])) && beginsToken(b[i:]) {
			return true
		}
	}
	return IsToken(b)
}

// minTokenHeader is less than the base64 of any header with an alg, `{"alg":""}`.
const minTokenHeader = 12

// beginsToken reports whether b begins with the base64url of `{"`, or of `{` before a
// blank, and goes on to a dot as far away as a token's first.
func beginsToken(b []byte) bool {
	if len(b) <= minTokenHeader || b[0] != 'e' { // what all of these begin with
		return false
	}
	var begin [3]byte
	if _, err := base64.RawURLEncoding.Decode(begin[:], b[:4]); err != nil || begin[0] != '{' {
		return false
	}
	switch begin[1] {
	case '"', ' ', '\t', '\r', '\n':
		return bytes.IndexByte(b, '.') >= minTokenHeader
	}
	return false
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// Display returns b as it may be shown in a log: at most [MaxDisplay] bytes of it, what is
// invisible or could rearrange the line (controls, bidirectional and other format
// characters, line separators, invalid UTF-8) escaped, and a token as "[jwt]".
func Display(b []byte) string {
	if mustMask(b) {
		return maskedToken
	}
	if isPlain(b) {
		return string(b)
	}
	cut := len(b) > MaxDisplay
	if cut {
		b = b[:MaxDisplay]
		for i := 0; i < utf8.UTFMax-1 && len(b) > 0 && !utf8.RuneStart(b[len(b)-1]); i++ {
			b = b[:len(b)-1]
		}
		if len(b) > 0 && b[len(b)-1] >= utf8.RuneSelf {
			b = b[:len(b)-1] // a rune's first byte alone
		}
	}
	var s strings.Builder
	s.Grow(len(b) + 3)
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&s, `\x%02x`, b[0])
		case unsafeRune(r) && r > 0xffff:
			fmt.Fprintf(&s, `\U%08x`, r)
		case unsafeRune(r):
			fmt.Fprintf(&s, `\u%04x`, r)
		default:
			s.Write(b[:size])
		}
		b = b[size:]
	}
	if cut {
		s.WriteString("...")
	}
	return s.String()
}

// isPlain reports whether b is short and nothing but visible ASCII and blanks, as most names are.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) <= MaxDisplay
}

// unsafeRune reports whether r could hide, forge or rearrange a log line.
func unsafeRune(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
