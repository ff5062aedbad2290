package config

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// decode reads a TOML text into maps, slices and values. Where it is not TOML, the problem
// has the line and says why.
func decode(src, file string) (map[string]any, map[string]int, *Problem) {
	lines, line, err := keyLines(src)
	if err != nil {
		return nil, nil, &Problem{File: file, Line: line, Text: err.Error()}
	}
	values, err := decodeTOML(src)
	if err == nil {
		return values, lines, nil
	}
	p := &Problem{File: file, Text: "not valid TOML"}
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		p.Line = max(syntax.Position.Line, 1)
		p.Text = syntaxText(syntax)
	}
	return nil, nil, p
}

// decodeTOML calls the TOML library, which panics where it finds a bug in itself.
func decodeTOML(src string) (values map[string]any, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the TOML parser gave up")
		}
	}()
	_, err = toml.Decode(src, &values)
	return values, err
}

// quotation matches a quotation in a text of the library.
var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'[^']*'`)

// syntaxTexts are our words for what people get wrong most, by how the library's begin.
var syntaxTexts = []struct{ prefix, text string }{
	{"expected value but found", `a value is expected: write text in quotes, such as "text"`},
	{"Invalid ", `a value is expected: write text in quotes, such as "text"`},
	{"invalid float", `a value is expected: write text in quotes, such as "text"`},
	{"invalid datetime", `a value is expected: write text in quotes, such as "text"`},
	{"strings cannot contain newlines", "a string must end on the line on which it began: its closing quote is missing"},
	{"expected a top-level item to end", "the line goes on after its value: text must be in quotes, and each key on a line of its own"},
	{"invalid escape", `a backslash in a string must be written \\, or the string in single quotes`},
	{"Escaped character", `an escape in a string stands for no character: write a backslash as \\`},
	{"expected two hex", `a backslash in a string must be written \\, or the string in single quotes`},
	{"expected four hex", `a backslash in a string must be written \\, or the string in single quotes`},
	{"expected eight hex", `a backslash in a string must be written \\, or the string in single quotes`},
	{"TOML files cannot contain control", "a control character, which TOML does not allow"},
	{"expected '.' or ']' to end", "the name of a table must end with ], on the same line"},
	{"expected '.' or '='", "a key must be followed by = and its value, on the same line"},
	{"unexpected EOF", "the file ends in the middle of a key or a value: a closing quote or bracket is missing"},
}

// syntaxText words a syntax error. The library quotes what it met, and that may well be a
// secret without its quotation marks: only keys and single characters are passed on.
func syntaxText(e toml.ParseError) string {
	for _, s := range syntaxTexts {
		if strings.HasPrefix(e.Message, s.prefix) {
			return s.text
		}
	}
	if rest, ok := strings.CutPrefix(e.Message, "Key '"); ok {
		key := rest[:max(strings.LastIndexByte(rest, '\''), 0)]
		if strings.Contains(rest, "already been defined") {
			return key + " was given before: remove one of the two"
		}
		return key + " was used before as something else: check the brackets of its table"
	}
	return "not valid TOML: " + quotation.ReplaceAllStringFunc(e.Message, func(q string) string {
		if utf8.RuneCountInString(q) <= len(`"x"`) {
			return q
		}
		return "something else"
	})
}
