package packets

import "errors"

// The categories of [Error]; compare with errors.Is.
var (
	// ErrNotMQTT: the first packet is not a CONNECT, or names another protocol.
	ErrNotMQTT = errors.New("not MQTT")
	// ErrTooLarge: the packet declares more bytes than are allowed.
	ErrTooLarge = errors.New("packet too large")
	// ErrMalformed: the packet can't be parsed as the specification has it.
	ErrMalformed = errors.New("malformed packet")
	// ErrProtocol: the packet was parsed, and holds what is not allowed.
	ErrProtocol = errors.New("protocol error")
	// ErrVersion: a protocol level that is not served.
	ErrVersion = errors.New("unsupported protocol version")
)

// Error says what is wrong with a packet, for the peer and for the log. Errors are values
// of a table: never change one. No error holds any byte of the packet.
type Error struct {
	// Code is what an MQTT 5.0 peer may be told.
	Code ReasonCode
	// Version is the client's as far as it is known; zero where it is not, which is so
	// also for a level that is not served.
	Version Version
	// Field names the part of the packet, in the specification's words, such as
	// "keep alive".
	Field string
	// Problem says what is wrong with the field.
	Problem string
	// Statement is what the specification has against it, such as "[MQTT5 3.1.2-3]".
	Statement string

	operation string
	category  error
}

// Error returns operation, field, problem and statement in one line.
func (e *Error) Error() string {
	return e.operation + ": " + e.Field + ": " + e.Problem + " " + e.Statement
}

// Unwrap returns the category: one of ErrNotMQTT, ErrTooLarge, ErrMalformed, ErrProtocol
// and ErrVersion.
func (e *Error) Unwrap() error { return e.category }

// The operations that errors name.
const (
	opHeader  = "read fixed header"
	opConnect = "parse connect"
	opConnack = "read connack"
)

// Errors of the fixed header, and of the bytes before the version is known.
var (
	errLengthTooLong = &Error{Code: MalformedPacket, Field: "remaining length",
		Problem: "more than four bytes", Statement: "[MQTT5 1.5.5]",
		operation: opHeader, category: ErrMalformed}
	errLengthNotMinimal = &Error{Code: MalformedPacket, Field: "remaining length",
		Problem: "more bytes than needed", Statement: "[MQTT5 1.5.5-1]",
		operation: opHeader, category: ErrMalformed}
	errNotConnect = &Error{Code: ProtocolError, Field: "packet type",
		Problem: "the first packet is not a CONNECT", Statement: "[MQTT311 3.1.0-1]",
		operation: opHeader, category: ErrNotMQTT}
	errTLS = &Error{Code: ProtocolError, Field: "packet type",
		Problem: "this looks like TLS on a listener without TLS", Statement: "[MQTT311 3.1.0-1]",
		operation: opHeader, category: ErrNotMQTT}
	errTooLarge = &Error{Code: PacketTooLarge, Field: "remaining length",
		Problem: "declares more than is allowed here", Statement: "[MQTT5 3.2.2.2]",
		operation: opHeader, category: ErrTooLarge}
	errFrameSize = &Error{Code: MalformedPacket, Field: "remaining length",
		Problem: "differs from the packet's size", Statement: "[MQTT5 2.1.4]",
		operation: opConnect, category: ErrMalformed}
	errNoProtocol = &Error{Code: MalformedPacket, Field: "protocol name",
		Problem: "ends early", Statement: "[MQTT311 3.1.4-1]",
		operation: opConnect, category: ErrMalformed}
	errProtocolName = &Error{Code: UnsupportedProtocolVersion, Field: "protocol name",
		Problem: "neither MQTT nor MQIsdp", Statement: "[MQTT311 3.1.2-1]",
		operation: opConnect, category: ErrNotMQTT}
	errNoLevel = &Error{Code: MalformedPacket, Field: "protocol level",
		Problem: "ends early", Statement: "[MQTT311 3.1.4-1]",
		operation: opConnect, category: ErrMalformed}
	errLevel = &Error{Code: UnsupportedProtocolVersion, Field: "protocol level",
		Problem: "not 4 or 5 under the name MQTT", Statement: "[MQTT311 3.1.2-2]",
		operation: opConnect, category: ErrVersion}
	errLevel31 = &Error{Code: UnsupportedProtocolVersion, Field: "protocol level",
		Problem: "not 3 under the name MQIsdp", Statement: "[MQTT31 CONNECT]",
		operation: opConnect, category: ErrVersion}
)
