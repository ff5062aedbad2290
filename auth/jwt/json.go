package jwt

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may be nested. Tokens in use have 3 or 4 levels;
// the bound keeps the recursion's stack small.
const maxDepth = 32

// linearNames is how many names of an object are compared one by one; beyond it a map finds
// duplicates, so that a long object does not cost the square of its length.
const linearNames = 16

var (
	errJSONSyntax    = errors.New("not valid JSON")
	errJSONNotObject = errors.New("not a JSON object")
	errJSONUTF8      = errors.New("not valid UTF-8")
	errJSONSurrogate = errors.New("lone surrogate escape")
	errJSONDepth     = errors.New("JSON nested too deep")
	errJSONDuplicate = errors.New("duplicate name in a JSON object")
)

// jsonKind is the kind of a JSON value.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonTrue
	jsonFalse
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// value is one JSON value as it stands in its document, which it aliases. A value that
// [parseObject] returned is known to be well formed.
type value struct {
	kind jsonKind
	// escaped is true for a string in which a backslash stands.
	escaped bool
	raw     []byte
}

// text returns what a JSON string says, and whether v is one.
func (v value) text() ([]byte, bool) {
	if v.kind != jsonString {
		return nil, false
	}
	body := v.raw[1 : len(v.raw)-1]
	if v.escaped {
		body = unescape(body)
	}
	return body, true
}

// member is a name, escapes resolved, with its value.
type member struct {
	name  []byte
	value value
}

// members are the members of an object in their order.
type members []member

// get returns the value of a name, and whether it is there.
func (m members) get(name string) (value, bool) {
	for i := range m {
		if string(m[i].name) == name {
			return m[i].value, true
		}
	}
	return value{}, false
}

// parseObject reads data as exactly one JSON object and appends its top-level members to
// into. The rules are in the package comment. The members alias data.
func parseObject(data []byte, into members) (members, error) {
	if !utf8.Valid(data) {
		return nil, errJSONUTF8
	}
	s := scanner{data: data}
	if s.next() != '{' {
		return nil, errJSONNotObject
	}
	m, err := s.object(into, 1)
	if err != nil {
		return nil, err
	}
	if s.next(); s.pos != len(data) {
		return nil, errJSONSyntax
	}
	return m, nil
}

// scanner walks over JSON that is valid UTF-8. It validates all, and copies only names that
// hold escapes.
type scanner struct {
	data []byte
	pos  int
}

// next passes over blanks and returns the byte at the new position, and 0 at the end. (A NUL
// in the text stands nowhere in the grammar, so that the two can't be mistaken.)
func (s *scanner) next() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// object reads the object whose brace is at the position, and appends its members to m,
// which must be empty: all of it is searched for duplicates.
func (s *scanner) object(m members, depth int) (members, error) {
	if depth > maxDepth {
		return nil, errJSONDepth
	}
	s.pos++
	if s.next() == '}' {
		s.pos++
		return m, nil
	}
	var index map[string]struct{}
	var seen uint64 // a bit for each name, and maybe for others
	for {
		name, err := s.name()
		if err != nil {
			return nil, err
		}
		if index == nil && len(m) >= linearNames {
			index = indexNames(m)
		}
		bit := nameBit(name)
		if (seen&bit != 0 || index != nil) && isDuplicate(m, index, name) {
			return nil, errJSONDuplicate
		}
		seen |= bit
		v, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		m = append(m, member{name, v})
		if more, err := s.comma('}'); !more {
			return m, err
		}
	}
}

// name reads a member's name and the colon after it.
func (s *scanner) name() ([]byte, error) {
	if s.next() != '"' {
		return nil, errJSONSyntax
	}
	v, err := s.string()
	if err != nil {
		return nil, err
	}
	if s.next() != ':' {
		return nil, errJSONSyntax
	}
	s.pos++
	name, _ := v.text()
	return name, nil
}

// comma reads what follows an element: a comma, and more is true, or the closing byte.
func (s *scanner) comma(closing byte) (more bool, err error) {
	switch s.next() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	}
	return false, errJSONSyntax
}

// array reads the array whose bracket is at the position, and shows each element to visit.
func (s *scanner) array(depth int, visit func(value)) error {
	if depth > maxDepth {
		return errJSONDepth
	}
	s.pos++
	if s.next() == ']' {
		s.pos++
		return nil
	}
	for {
		v, err := s.value(depth)
		if err != nil {
			return err
		}
		if visit != nil {
			visit(v)
		}
		if more, err := s.comma(']'); !more {
			return err
		}
	}
}

// value reads the value at the position, inside something that is depth levels deep.
func (s *scanner) value(depth int) (value, error) {
	c := s.next()
	begin := s.pos
	var kind jsonKind
	var err error
	switch c {
	case '"':
		return s.string()
	case '{':
		kind, err = jsonObject, s.skipObject(depth+1)
	case '[':
		kind, err = jsonArray, s.array(depth+1, nil)
	case 't':
		kind, err = jsonTrue, s.word("true")
	case 'f':
		kind, err = jsonFalse, s.word("false")
	case 'n':
		kind, err = jsonNull, s.word("null")
	default:
		n := numberLen(s.data[s.pos:])
		if n == 0 {
			return value{}, errJSONSyntax
		}
		kind = jsonNumber
		s.pos += n
	}
	if err != nil {
		return value{}, err
	}
	return value{kind: kind, raw: s.data[begin:s.pos]}, nil
}

// skipObject reads an object whose members nobody wants.
func (s *scanner) skipObject(depth int) error {
	_, err := s.object(nil, depth)
	return err
}

// word reads one of the three words of JSON.
func (s *scanner) word(w string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(w)) {
		return errJSONSyntax
	}
	s.pos += len(w)
	return nil
}

// nameBit returns one bit for a name, the same for the same name. Names with different bits
// need not be compared.
func nameBit(name []byte) uint64 {
	n := uint(len(name))
	if n > 0 {
		n += 5*uint(name[0]) + 11*uint(name[n-1])
	}
	return 1 << (n % 64)
}

// indexNames makes the index that isDuplicate searches from then on.
func indexNames(m members) map[string]struct{} {
	index := make(map[string]struct{}, 4*len(m))
	for i := range m {
		index[string(m[i].name)] = struct{}{}
	}
	return index
}

// isDuplicate reports whether name is in m already, and adds it to the index where there is
// one.
func isDuplicate(m members, index map[string]struct{}, name []byte) bool {
	if index == nil {
		for i := range m {
			if bytes.Equal(m[i].name, name) {
				return true
			}
		}
		return false
	}
	if _, found := index[string(name)]; found {
		return true
	}
	index[string(name)] = struct{}{}
	return false
}

// elements shows each element of a well-formed array to visit.
func (v value) elements(visit func(value)) {
	s := scanner{data: v.raw}
	_ = s.array(1, visit) // it was scanned before, at a greater depth
}
