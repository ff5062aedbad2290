package packets

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// MaxString is the size of the largest string or binary field of a packet, in bytes.
// [MQTT5 1.5.4], [MQTT5 1.5.6]
const MaxString = 65535

// cursor is what is left of a packet. Its methods take something off the front and report
// whether it was there; where it was not, the cursor stays as it is.
type cursor []byte

func (c *cursor) take(n int) ([]byte, bool) {
	b := *c
	if n > len(b) {
		return nil, false
	}
	*c = b[n:]
	return b[:n:n], true
}

func (c *cursor) byte() (byte, bool) {
	b, ok := c.take(1)
	if !ok {
		return 0, false
	}
	return b[0], true
}

func (c *cursor) uint16() (uint16, bool) {
	b, ok := c.take(2)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint16(b), true
}

func (c *cursor) uint32() (uint32, bool) {
	b, ok := c.take(4)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint32(b), true
}

// field takes bytes behind their two-byte length: a string, or binary data.
func (c *cursor) field() ([]byte, bool) {
	b := *c
	if len(b) < 2 {
		return nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if n > len(b) {
		return nil, false
	}
	*c = b[n:]
	return b[2:n:n], true
}

// text takes a UTF-8 encoded string.
func (c *cursor) text(v Version, r *textRules) ([]byte, error) {
	b, ok := c.field()
	switch {
	case !ok:
		return nil, r.missing.in(v)
	case !utf8.Valid(b):
		return nil, r.utf8.in(v)
	case bytes.IndexByte(b, 0) >= 0:
		return nil, r.null.in(v)
	}
	return b, nil
}

// topic takes a Topic Name.
func (c *cursor) topic(v Version, r *topicRules) ([]byte, error) {
	b, err := c.text(v, &r.textRules)
	switch {
	case err != nil:
		return nil, err
	case len(b) == 0:
		return nil, r.empty.in(v)
	case bytes.IndexByte(b, '+') >= 0 || bytes.IndexByte(b, '#') >= 0:
		return nil, r.wildcard.in(v)
	}
	return b, nil
}

// ValidString reports whether b can be a string of a packet, such as a user name: at most
// [MaxString] bytes, valid UTF-8, without U+0000. [MQTT5 1.5.4-1], [MQTT5 1.5.4-2]
func ValidString(b []byte) bool {
	return len(b) <= MaxString && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0
}
