package jwt

import (
	"unicode/utf16"
	"unicode/utf8"
)

// plain are the bytes that stand for themselves in a string.
var plain = plainTable()

func plainTable() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= 0x20 && c != '"' && c != '\\'
	}
	return plain
}

// string reads the string whose quote is at the position.
func (s *scanner) string() (value, error) {
	begin, escaped := s.pos, false
	for i := s.pos + 1; i < len(s.data); {
		switch c := s.data[i]; {
		case plain[c]:
			i++
		case c == '"':
			s.pos = i + 1
			return value{jsonString, escaped, s.data[begin:s.pos]}, nil
		case c == '\\':
			escaped = true
			n, err := escapeLen(s.data[i:])
			if err != nil {
				return value{}, err
			}
			i += n
		default:
			return value{}, errJSONSyntax
		}
	}
	return value{}, errJSONSyntax
}

// escapeLen returns the length of the escape that b begins with; a surrogate pair is one.
func escapeLen(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, errJSONSyntax
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, errJSONSyntax
	}
	r, ok := hexEscape(b)
	if !ok {
		return 0, errJSONSyntax
	}
	if !utf16.IsSurrogate(r) {
		return 6, nil
	}
	low, ok := hexEscape(b[6:])
	if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
		return 0, errJSONSurrogate
	}
	return 12, nil
}

// hexEscape returns the code unit of the \uXXXX that b begins with.
func hexEscape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// shortEscapes are the characters that the escapes of one letter stand for.
var shortEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unescape returns what the body of a well-formed JSON string says.
func unescape(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		if body[0] != '\\' {
			out = append(out, body[0])
			body = body[1:]
			continue
		}
		n, _ := escapeLen(body)
		switch n {
		case 2:
			out = append(out, shortEscapes[body[1]])
		case 6:
			r, _ := hexEscape(body)
			out = utf8.AppendRune(out, r)
		default:
			high, _ := hexEscape(body)
			low, _ := hexEscape(body[6:])
			out = utf8.AppendRune(out, utf16.DecodeRune(high, low))
		}
		body = body[n:]
	}
	return out
}

// numberLen returns the length of the JSON number that b begins with, and 0 where there is
// none: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func numberLen(b []byte) int {
	i := 0
	if i < len(b) && b[i] == '-' {
		i++
	}
	whole := digits(b[i:])
	if whole == 0 {
		return 0
	}
	if b[i] == '0' {
		whole = 1
	}
	i += whole
	if i < len(b) && b[i] == '.' {
		n := digits(b[i+1:])
		if n == 0 {
			return 0
		}
		i += 1 + n
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b[i:])
		if n == 0 {
			return 0
		}
		i += n
	}
	return i
}

// digits returns how many decimal digits b begins with.
func digits(b []byte) int {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}
