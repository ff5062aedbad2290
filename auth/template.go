package auth

import (
	"errors"
	"fmt"
	"strings"
)

// Template is a text with placeholders for what a client sent, or what it has proven:
//
//	%u  ${username}   the user name
//	%c  ${clientid}   the client id
//	%n                the name in the client's certificate
//	%{claim:NAME}     a string claim of the client's token, where claims are allowed
//	%%                a per cent sign
//
// A Template is immutable and safe for concurrent use. The zero value expands to nothing.
type Template struct {
	source string
	parts  []part
}

// part is a literal, or one placeholder.
type part struct {
	kind partKind
	text string // the literal, or the claim's name
}

// word is how a placeholder is written.
func (p part) word() string {
	switch p.kind {
	case userName:
		return "%u"
	case clientID:
		return "%c"
	case certName:
		return "%n"
	}
	return "%{claim:" + p.text + "}"
}

type partKind uint8

const (
	literal partKind = iota
	userName
	clientID
	certName
	claim
)

// ErrNoValue is wrapped by the errors of [Template.Append]: a placeholder names an identity
// that the client did not send, sent empty, or has not proven.
var ErrNoValue = errors.New("has no value")

// ParseTemplate reads a template in which only %u, %c, %n and %% may stand. An unknown
// placeholder is an error that tells its position, counted in bytes from 1.
func ParseTemplate(s string) (*Template, error) { return parseTemplate(s, false) }

// ParseClaimTemplate is ParseTemplate, with %{claim:NAME} allowed as well.
func ParseClaimTemplate(s string) (*Template, error) { return parseTemplate(s, true) }

func parseTemplate(s string, claims bool) (*Template, error) {
	t := &Template{source: s}
	lit := func(text string) {
		if n := len(t.parts); n > 0 && t.parts[n-1].kind == literal {
			t.parts[n-1].text += text
			return
		}
		t.parts = append(t.parts, part{literal, text})
	}
	for rest := s; rest != ""; {
		i := strings.IndexAny(rest, "%$")
		if i < 0 {
			lit(rest)
			break
		}
		if i > 0 {
			lit(rest[:i])
			rest = rest[i:]
		}
		at := len(s) - len(rest) + 1
		word, p, err := placeholder(rest, claims)
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", at, err)
		}
		if p.kind == literal {
			lit(p.text)
		} else {
			t.parts = append(t.parts, p)
		}
		rest = rest[len(word):]
	}
	return t, nil
}

// placeholder reads the placeholder, or the lone dollar sign, that s begins with, and
// returns its text in s and its meaning.
func placeholder(s string, claims bool) (string, part, error) {
	for _, k := range [...]struct {
		word string
		part part
	}{
		{"%u", part{kind: userName}},
		{"%c", part{kind: clientID}},
		{"%n", part{kind: certName}},
		{"%%", part{kind: literal, text: "%"}},
		{"${username}", part{kind: userName}},
		{"${clientid}", part{kind: clientID}},
	} {
		if strings.HasPrefix(s, k.word) {
			return k.word, k.part, nil
		}
	}
	switch {
	case claims && strings.HasPrefix(s, "%{claim:"):
		end := strings.IndexByte(s, '}')
		if end < 0 || end == len("%{claim:") {
			return "", part{}, fmt.Errorf("%%{claim:NAME} wants a name and a closing brace")
		}
		return s[:end+1], part{claim, s[len("%{claim:"):end]}, nil
	case s[0] == '$' && !strings.HasPrefix(s, "${"):
		return "$", part{literal, "$"}, nil
	}
	known := "%u, %c, %n and %%"
	if claims {
		known = "%u, %c, %n, %{claim:NAME} and %%"
	}
	return "", part{}, fmt.Errorf("unknown placeholder %q: known are %s", excerpt(s), known)
}

// excerpt is the beginning of s, enough of it to find the place.
func excerpt(s string) string {
	if end := strings.IndexByte(s, '}'); end >= 0 && end < 24 && len(s) > 1 && s[1] == '{' {
		return s[:end+1]
	}
	if r := []rune(s); len(r) > 2 {
		return string(r[:2])
	}
	return s
}

// String returns the template's source.
func (t *Template) String() string { return t.source }

// UsesUserName reports whether %u stands in the template.
func (t *Template) UsesUserName() bool { return t.uses(userName) }

// UsesClientID reports whether %c stands in the template.
func (t *Template) UsesClientID() bool { return t.uses(clientID) }

// UsesCertName reports whether %n stands in the template.
func (t *Template) UsesCertName() bool { return t.uses(certName) }

func (t *Template) uses(k partKind) bool {
	for _, p := range t.parts {
		if p.kind == k {
			return true
		}
	}
	return false
}

// Claims returns the names of the claims that the template wants, in order.
func (t *Template) Claims() []string {
	var names []string
	for _, p := range t.parts {
		if p.kind == claim {
			names = append(names, p.text)
		}
	}
	return names
}

// Append appends to dst what the template yields for a client. claims may be nil. Where a
// placeholder has no value, because the client did not send it, sent it empty or did not prove it, the error
// wraps [ErrNoValue] and names the placeholder, and dst comes back as it was.
func (t *Template) Append(dst []byte, c *Credentials, claims map[string]string) ([]byte, error) {
	begin := len(dst)
	for _, p := range t.parts {
		before := len(dst)
		switch p.kind {
		case literal:
			dst = append(dst, p.text...)
			continue
		case userName:
			if c.HasUserName {
				dst = append(dst, c.UserName...)
			}
		case clientID:
			dst = append(dst, c.ClientID...)
		case certName:
			dst = append(dst, c.CertName...)
		case claim:
			dst = append(dst, claims[p.text]...)
		}
		if len(dst) == before {
			return dst[:begin], fmt.Errorf("%s %w", p.word(), ErrNoValue)
		}
	}
	return dst, nil
}
