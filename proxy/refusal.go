package proxy

import (
	"io"
	"net"
	"time"

	"mqttward/auth"
	"mqttward/packets"
)

// RefusalOptions say how refused clients are answered.
type RefusalOptions struct {
	// Uniform answers every deny of a stage, and a client without credentials, as "not
	// authorized", so that a known user can't be told from an unknown one. What passes by
	// itself keeps its own code: KeysUnavailable, and Busy, which the unknown user meets in
	// the same queue.
	Uniform bool
	// ReasonStrings sends the reason's word to MQTT 5.0 clients that accept problem
	// information. [MQTT5 3.2.2-19]
	ReasonStrings bool
}

// answer is what a reason becomes on the wire. A zero code means that the connection is
// closed without an answer.
type answer struct{ v3, v5 packets.ReasonCode }

// Shorthands of the table: a fault of the client's to mend, and one of ours that passes.
var (
	notAuthorized = answer{packets.ConnackNotAuthorized, packets.NotAuthorized}
	comeAgain     = answer{packets.ConnackServerUnavailable, packets.ServerUnavailable}
)

// answers is the refusal table: each reason with its codes for 3.1 and 3.1.1, and for 5.0.
// Devices take 0x04 and 0x05 for final, so what passes by itself is 0x03.
var answers = map[auth.Reason]answer{
	auth.NotMQTT:             {},
	auth.TooLarge:            {},
	auth.Timeout:             {},
	auth.Malformed:           {0, packets.MalformedPacket},
	auth.ProtocolError:       {0, packets.ProtocolError},
	auth.ProtocolVersion:     {packets.ConnackUnacceptableProtocolVersion, packets.UnsupportedProtocolVersion},
	auth.AuthMethod:          {0, packets.BadAuthenticationMethod},
	auth.Banned:              {packets.ConnackNotAuthorized, packets.Banned},
	auth.RateLimited:         {packets.ConnackServerUnavailable, packets.ConnectionRateExceeded},
	auth.UpstreamRate:        {packets.ConnackServerUnavailable, packets.ConnectionRateExceeded}, // a rate, no quota: [MQTT5 3.2.2.2]
	auth.Busy:                {packets.ConnackServerUnavailable, packets.ServerBusy},
	auth.ShuttingDown:        comeAgain, // 0x8B is for DISCONNECT
	auth.UpstreamUnavailable: comeAgain,

	auth.BadPassword:         {packets.ConnackBadUserNameOrPassword, packets.BadUserNameOrPassword},
	auth.NoCredentials:       notAuthorized,
	auth.TokenMalformed:      notAuthorized,
	auth.AlgNotAllowed:       notAuthorized,
	auth.BadSignature:        notAuthorized,
	auth.UnknownKid:          notAuthorized,
	auth.KeysUnavailable:     comeAgain,
	auth.TokenExpired:        notAuthorized,
	auth.TokenNotYetValid:    notAuthorized,
	auth.TokenIssuedInFuture: notAuthorized,
	auth.ClaimMalformed:      notAuthorized,
	auth.ClaimMissing:        notAuthorized,
	auth.ClaimMismatch:       notAuthorized,
	auth.ClientIDMismatch:    notAuthorized,
	auth.InternalError:       comeAgain,
}

// Code returns the code that a client of version v is refused with for reason r, and whether
// there is an answer at all: without one the connection is closed. A version that we do not
// serve is answered in the 3.1.1 form.
func (o RefusalOptions) Code(r auth.Reason, v packets.Version) (packets.ReasonCode, bool) {
	a := answers[r]
	if o.Uniform && ofStage(r) {
		a = notAuthorized
	}
	code := a.v3
	if v == packets.V5 {
		code = a.v5
	}
	return code, code != 0
}

// ofStage reports whether r is a stage's judgement of the client, or the lack of any.
func ofStage(r auth.Reason) bool {
	return r >= auth.NoCredentials && r != auth.KeysUnavailable
}

const (
	// refusalWriteTimeout bounds the write of a refusal's CONNACK: a few bytes, which the
	// kernel takes at once unless the client is playing.
	refusalWriteTimeout = time.Second
	// refusalDrainTime and refusalDrainBytes bound what is read and dropped after a refusal,
	// so that a close with unread bytes does not reset the connection under the CONNACK.
	refusalDrainTime  = 250 * time.Millisecond
	refusalDrainBytes = 64 << 10
)

// connack builds the refusal of a client, or nothing where the answer is a plain close.
func (o RefusalOptions) connack(dst []byte, r auth.Reason, c *packets.Connect) (packets.ReasonCode, []byte) {
	code, ok := o.Code(r, c.Version)
	if !ok {
		return 0, nil
	}
	if o.ReasonStrings && c.RequestProblemInformation {
		if p := packets.AppendConnack(dst, c.Version, code, o.word(r)); fits(p, c) {
			return code, p
		}
		// The text must be left out where it makes the packet too large. [MQTT5 3.2.2-19]
	}
	if p := packets.AppendConnack(dst, c.Version, code, ""); fits(p, c) {
		return code, p
	}
	return code, nil
}

// word is what a client is told of r: no more than its code tells.
func (o RefusalOptions) word(r auth.Reason) string {
	if o.Uniform && ofStage(r) {
		r = auth.NoCredentials
	}
	return r.String()
}

// fits reports whether the client accepts a packet of this size. [MQTT5 3.1.2-24]
func fits(packet []byte, c *packets.Connect) bool {
	return c.MaximumPacketSize == 0 || uint64(len(packet)) <= uint64(c.MaximumPacketSize)
}

// say writes a last packet and ends our stream, and reports whether the client has both.
func say(conn net.Conn, packet []byte) bool {
	conn.SetDeadline(time.Now().Add(refusalWriteTimeout))
	if _, err := conn.Write(packet); err != nil {
		return false
	}
	w, ok := conn.(interface{ CloseWrite() error })
	return ok && w.CloseWrite() == nil
}

// drain reads and drops what a client still sends, until it closes, or for long enough.
func drain(conn net.Conn) {
	conn.SetReadDeadline(time.Now().Add(refusalDrainTime))
	_, _ = io.CopyN(io.Discard, conn, refusalDrainBytes)
}

// refuse tells the log and the client, and closes.
func (c *connection) refuse(r *refusal) {
	defer c.socket.Close()
	var packet [64]byte
	code, connack := c.policy.Refusals.connack(packet[:0], r.reason, &c.connect)
	if r.quiet {
		connack = nil
	}
	c.logRefused(r, code, len(connack) > 0)
	c.observeRefused(r, code, len(connack) > 0)
	if len(connack) > 0 && say(c.conn, connack) {
		c.srv.observer.Answered(c.connect.Version, code)
		// What it does now takes no place from those who have yet to be judged.
		c.srv.handshakes.end(c.hs)
		c.linger()
	}
}

// linger gives a refused client a moment to read its answer. Where too many linger already,
// it does not.
func (c *connection) linger() {
	if c.srv.lingerers.take(c, max(1, c.policy.Limits.MaxHandshakes/2)) {
		return
	}
	if c.srv.handshakes.linger() {
		drain(c.conn)
		c.srv.handshakes.unlinger()
	}
}
