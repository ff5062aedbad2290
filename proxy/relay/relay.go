// Package relay moves bytes between the two sides of a session, both ways, once the
// proxy has let the client in.
//
// The contract of every engine, held by one test suite:
//
//   - Every byte read from one side is written to the other once and in order, or both
//     sides are closed.
//   - A slow reader stops its writer: at most one buffer per direction is held (126 KiB and, over
//     io_uring, what had come before its receive was stopped, which the ring's buffers bound), and
//     none while a connection is idle.
//   - A half-close is passed on. After a reset, what had been received is delivered first,
//     then the other side gets a FIN: a client that publishes, disconnects and resets has
//     published and disconnected. A side is reset only when its queue is empty or has not
//     moved for half_close_timeout.
//   - Packet boundaries are followed in both directions, so that one packet can be inserted
//     at a boundary, after which nothing more flows that way. A stream that can't be framed
//     is relayed all the same; nothing is ever inserted into it.
//
// There are three engines. On Linux sessions are served by event loops: a session is then one small
// struct, and has no goroutine, no timer and no buffer while it is idle, TLS included. All that
// they do is written once, over a driver that says what happened: io_uring, where the kernel
// allows it, which brings small messages as they come and sends all of a round with one call, and
// epoll. A direction that streams is read and spliced in the same way over both. [Goroutines] is
// the portable engine: two goroutines a session, which wait without a buffer. [New] chooses.
package relay

import (
	"net"
	"time"

	"mqttward/packets"
)

// Relay is an engine that serves sessions. It is safe for concurrent use.
type Relay interface {
	// Start takes over both connections of p, which the caller must not touch again, and
	// relays between them until both directions have ended. It returns at once.
	Start(p Pair) Link
	// Close gives back what the engine holds. No session must be left, and none be started.
	Close()
}

// Pair is what a session is made of.
type Pair struct {
	// Client and Upstream are the two sides. They carry no deadline. What they are decides
	// how they are served: an event loop takes sockets, and TLS above a [Wire]; a goroutine
	// waits for sockets' readiness, and reads from all else.
	Client, Upstream net.Conn
	// Early is what was read of Upstream already; it goes to the client before all else. It is the
	// relay's from then on. Nil where nothing was.
	Early []byte
	// UpFramer has followed what the proxy has written to the upstream so far.
	UpFramer packets.Framer
	// MaximumPacketSize is the largest packet in bytes that the client accepts; a larger one
	// is never inserted. 0 means no limit. [MQTT5 3.1.2-24]
	MaximumPacketSize uint32
	// HalfCloseTimeout is how long the session may go without progress once one side is gone,
	// before both are closed. Zero means 10 s.
	HalfCloseTimeout time.Duration
	// Owner is told what becomes of the session. It must not be nil.
	Owner Owner
}

// Owner is told what becomes of a session. Its methods are called on the path of the bytes, of
// other sessions' too: they must not block.
type Owner interface {
	// Connack is told once of the broker's CONNACK, or of a first packet that is none.
	Connack(code packets.ReasonCode, err error)
	// Ended is called once, when both sides are closed.
	Ended(End)
}

// Link is a running session, seen from outside. It is safe for concurrent use.
type Link interface {
	// End ends the session from outside, by f. It returns at once; Owner.Ended follows. A session
	// that is ending already keeps its cause.
	End(f Farewell)
	// Kill closes both sides at once, whatever is still under way, and is the cause even where
	// the session was ending already.
	Kill(cause Cause)
	// Stats tells what has passed so far.
	Stats() Stats
}

// Farewell is how a session is ended from outside: each packet, where there is one, is
// inserted at the next packet boundary of its direction if one comes within a second, and
// both sides are closed. Without a packet, or where it can't be inserted, they just close.
type Farewell struct {
	Cause Cause
	// Down goes to the client, and only after a successful CONNACK did [MQTT5 3.14.0-1].
	// Up goes to the broker. Both are whole packets, or nil.
	Down, Up []byte
}

// Stats counts a session's bytes from CONNECT on, without what the proxy wrote itself.
type Stats struct {
	BytesUp, BytesDown uint64
	// LastByte is when the last byte passed, or when the session started.
	LastByte time.Time
}

// End is what is known of a session when it is over.
type End struct {
	Stats
	Cause Cause
}

// Cause says in one word why a session ended: the log's close_reason.
type Cause string

// The causes that a relay finds itself, and those that it is given by [Link].
const (
	ClientClosed   Cause = "client_closed"   // the client ended its stream, or sent a DISCONNECT
	ClientReset    Cause = "client_reset"    // the client's connection broke
	UpstreamClosed Cause = "upstream_closed" // the broker ended its stream
	UpstreamReset  Cause = "upstream_reset"  // the broker's connection broke
	Expired        Cause = "expired"         // the proof of the client's identity ended
	Revoked        Cause = "revoked"         // what had proven the client's identity was taken back
	Drained        Cause = "drained"         // the proxy is shutting down
	Forced         Cause = "forced"          // shutdown waited long enough
	ConnackTimeout Cause = "connack_timeout" // the broker answered no CONNACK in time
	// UpstreamRefused: the broker refused the client, and did not close.
	UpstreamRefused Cause = "upstream_refused"
)

// after is the cause where the client has said before that it leaves: a broker that closes then does
// what it was told to.
func (c Cause) after(disconnected bool) Cause {
	if disconnected && (c == UpstreamClosed || c == UpstreamReset) {
		return ClientClosed
	}
	return c
}

// Causes returns every cause.
func Causes() []Cause {
	return []Cause{
		ClientClosed, ClientReset, UpstreamClosed, UpstreamReset, Expired,
		Revoked, Drained, Forced, ConnackTimeout, UpstreamRefused,
	}
}
