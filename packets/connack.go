package packets

// ConnackScanner finds the result code in the first bytes that a broker sends, of any
// version, as they pass. The zero value is ready. It holds no reference and is not safe for
// concurrent use.
type ConnackScanner struct {
	err    *Error
	framer Framer // follows the fixed header
	state  connackState
	code   ReasonCode
}

// connackState is the part of a CONNACK that comes next.
type connackState uint8

const (
	connackType connackState = iota
	connackLength
	connackFlags
	connackCode
	connackDone
)

// Errors of a broker's first packet. The client's version is not known here: the statements
// are those of 5.0, and the same in 3.1.1.
var (
	errNotConnack = &Error{Code: ProtocolError, Field: "packet type",
		Problem: "the broker's first packet is not a CONNACK", Statement: "[MQTT5 3.2.0-1]",
		operation: opConnack, category: ErrProtocol}
	errConnackHeader = &Error{Code: MalformedPacket, Field: "fixed header flags",
		Problem: "not zero", Statement: "[MQTT5 2.1.3-1]",
		operation: opConnack, category: ErrMalformed}
	errConnackLength = &Error{Code: MalformedPacket, Field: "remaining length",
		Problem: "no room for a code", Statement: "[MQTT5 3.2.2]",
		operation: opConnack, category: ErrMalformed}
	errConnackFlags = &Error{Code: MalformedPacket, Field: "connect acknowledge flags",
		Problem: "a reserved bit is set", Statement: "[MQTT5 3.2.2-1]",
		operation: opConnack, category: ErrMalformed}
)

// Feed takes the next bytes of the stream and reports whether the verdict is known: Code
// and Err tell it from then on, and what is fed further is disregarded.
//
// AUTH before CONNACK is an error too: a broker sends it only to clients that asked for
// extended authentication.
func (s *ConnackScanner) Feed(p []byte) (done bool) {
	for _, b := range p {
		if s.state == connackDone {
			break
		}
		if s.err = s.next(b); s.err != nil {
			s.state = connackDone
		}
	}
	return s.state == connackDone
}

// next takes one byte.
func (s *ConnackScanner) next(b byte) *Error {
	switch s.state {
	case connackType:
		if b&typeMask != typeConnack {
			return errNotConnack
		}
		if b != typeConnack {
			return errConnackHeader
		}
		s.framer.header(b)
		s.state = connackLength
	case connackLength:
		if s.framer.header(b); s.framer.state != 0 {
			if s.framer.state == lost {
				return errStreamLength
			}
			return nil
		}
		// 2 in 3.x; in 5.0 one more at least, for the properties.
		if s.framer.body < 2 {
			return errConnackLength
		}
		s.state = connackFlags
	case connackFlags:
		if b&^1 != 0 {
			return errConnackFlags
		}
		s.state = connackCode
	case connackCode:
		s.code = ReasonCode(b)
		s.state = connackDone
	}
	return nil
}

// Code returns the broker's code. It means something only once Feed has returned true and
// where Err is nil: before, it is zero, like [Success].
func (s *ConnackScanner) Code() ReasonCode { return s.code }

// Err returns why the broker's first packet is no CONNACK: an [*Error] of category
// [ErrProtocol] or [ErrMalformed]. It is nil as long as Feed has not found out.
func (s *ConnackScanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}
