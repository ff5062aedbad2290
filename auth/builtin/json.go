package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// readJSON reads an array of objects, each with the columns of a row.
func (t *intake) readJSON(in io.Reader) {
	m := &meter{in: in}
	d := json.NewDecoder(m)
	d.UseNumber()
	line := func() int { return m.line(d.InputOffset()) }
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		t.broken(line(), cmpError(err, errors.New("not JSON: it wants an array of objects")))
		return
	}
	for d.More() {
		token, err := d.Token()
		begin := line()
		if err != nil {
			t.broken(begin, jsonError(err))
			return
		}
		var user row
		var wrong error
		if token == json.Delim('{') {
			user, wrong, err = t.readObject(d, m)
		} else {
			wrong, err = errors.New("it wants an object for each user"), skip(d, token)
		}
		switch {
		case err != nil:
			t.broken(line(), jsonError(err))
			return
		case wrong != nil:
			t.unreadable(begin, wrong)
		default:
			t.row(begin, user)
		}
	}
	if _, err := d.Token(); err != nil {
		t.broken(line(), jsonError(err))
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.broken(line(), errors.New("something follows the array"))
	}
}

// jsonError words an error of the decoder, without what it quotes.
func jsonError(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the array is not closed: the file has been cut")
	}
	return err
}

func cmpError(err, otherwise error) error {
	if err != nil {
		return jsonError(err)
	}
	return otherwise
}

// readObject reads the rest of an object. wrong is about this one alone, err about what follows
// too.
func (t *intake) readObject(d *json.Decoder, m *meter) (user row, wrong, err error) {
	var seen []string
	for d.More() {
		m.mark(d.InputOffset())
		key, err := d.Token()
		if err != nil {
			return row{}, nil, err
		}
		name := t.how.column(key.(string)) // nothing else is a key
		value, err := d.Token()
		if err != nil {
			return row{}, nil, err
		}
		text, fault := jsonText(name, value)
		switch {
		case fault != nil:
			err = skip(d, value)
		case slices.Contains(seen, name):
			fault = fmt.Errorf("%q stands there twice", name)
		default:
			fault = user.set(name, text)
		}
		if err != nil {
			return row{}, nil, err
		}
		if seen = append(seen, name); len(seen) > maxFields {
			return row{}, nil, fmt.Errorf("an object has more than %d keys", maxFields)
		}
		if wrong == nil {
			wrong = fault
		}
	}
	_, err = d.Token()
	for _, name := range [...]string{columnUser, columnHash} {
		if wrong == nil && !slices.Contains(seen, name) {
			wrong = fmt.Errorf("%q is missing", name)
		}
	}
	return user, wrong, err
}

// maxFields is more than any export has of one user.
const maxFields = 64

// jsonText is a value as a cell of CSV would have it.
func jsonText(name string, value json.Token) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		if name == columnSuperuser {
			return fmt.Sprint(v), nil
		}
	case json.Number:
		if name == columnSuperuser {
			return v.String(), nil
		}
	case nil:
		if name == columnSalt || name == columnSuperuser {
			return "", nil
		}
	}
	return "", fmt.Errorf("%q is not a string", name)
}

// skip reads the rest of a value whose first token is known.
func skip(d *json.Decoder, token json.Token) error {
	depth := 0
	for {
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if token, err = d.Token(); err != nil {
			return err
		}
	}
}
