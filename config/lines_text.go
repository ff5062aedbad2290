package config

import (
	"strconv"
	"strings"
)

// key reads a key and returns its parts. It stops at what can't belong to one: in a valid
// text that is an equals sign or a closing bracket.
func (s *lineScanner) key() []string {
	var parts []string
	for {
		s.skipSpace()
		if len(parts) >= maxDepth {
			s.fail(errTooDeep)
		}
		if s.src == "" {
			return parts
		}
		parts = append(parts, s.keyPart())
		s.skipSpace()
		if !strings.HasPrefix(s.src, ".") {
			return parts
		}
		s.next(1)
	}
}

// keyPart reads a bare or quoted part of a key.
func (s *lineScanner) keyPart() string {
	if s.src[0] == '"' || s.src[0] == '\'' {
		return s.text()
	}
	n := 0
	for n < len(s.src) && isBareByte(s.src[n]) {
		n++
	}
	part := s.src[:n]
	s.next(n)
	return part
}

// text reads a string of any of the four kinds. The result is right for the two kinds that
// a key may have; the others are only gone over.
func (s *lineScanner) text() string {
	quote := s.src[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.src, triple) {
		s.multiline(triple)
		return ""
	}
	s.next(1)
	end := quoteEnd(s.src, quote)
	raw := s.src[:end]
	s.next(min(end+1, len(s.src)))
	if quote == "'" {
		return raw
	}
	return unescape(raw)
}

// multiline goes over a multi-line string that opens with triple.
func (s *lineScanner) multiline(triple string) {
	s.next(3)
	end := 0
	for end < len(s.src) && !strings.HasPrefix(s.src[end:], triple) {
		if s.src[end] == '\\' && triple[0] == '"' {
			end++
		}
		end++
	}
	end = min(end, len(s.src))
	// One or two quotes may stand directly before the closing three.
	for n := 0; n < 5 && end < len(s.src) && s.src[end] == triple[0]; n++ {
		end++
	}
	s.next(end)
}

// quoteEnd returns where in s the string that quote opened ends: at the closing quote, or
// where that is missing at the line's end.
func quoteEnd(s, quote string) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote[0] || s[i] == '\n':
			return i
		case s[i] == '\\' && quote == `"` && i+1 < len(s) && s[i+1] != '\n':
			i++
		}
	}
	return len(s)
}

// escapes are the one-letter escapes of a TOML string.
var escapes = map[byte]byte{
	'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r', 'e': 0x1b, '"': '"', '\\': '\\',
}

// unescape resolves the escapes of a basic string. An invalid one stays as it is.
func unescape(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		letter := s[i+1]
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[letter]
		rest := s[i+2:]
		if c, ok := escapes[letter]; ok {
			b.WriteByte(c)
		} else if r, ok := hexRune(rest, digits); ok {
			b.WriteRune(r)
			rest = rest[digits:]
		} else {
			b.WriteString(s[i : i+1])
			rest = s[i+1:]
		}
		s = rest
	}
}

// hexRune returns the character of which s begins with the number in so many hexadecimal
// digits.
func hexRune(s string, digits int) (rune, bool) {
	if digits == 0 || len(s) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:digits], 16, 32)
	return rune(n), err == nil
}
