package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
)

// connectBufferSize is what is set aside for a CONNECT before it is known to be larger: one
// with a token of usual size fits.
const connectBufferSize = 2 << 10

var connectBuffers = sync.Pool{New: func() any { return new([connectBufferSize]byte) }}

// connection is a client from accept to the verdict. One goroutine owns it.
type connection struct {
	srv      *Server
	policy   *Policy
	listener *Listener
	id       uint64
	accepted time.Time
	socket   net.Conn // as accepted
	conn     net.Conn // the same, or TLS above it
	upstream net.Conn // once dialled, the roster's to close
	hs       *handshake

	connect packets.Connect // aliases the buffer that it was read into
	creds   auth.Credentials
	verdict auth.Verdict
	address string // the upstream's, once dialled
}

// refusal is why a connection does not become a session.
type refusal struct {
	reason auth.Reason
	detail string // for the log
	err    error  // for the log
	quiet  bool   // nobody is there to be told: the client went away, say
}

func (s *Server) newConnection(l *Listener, policy *Policy, socket net.Conn, hs *handshake) *connection {
	c := &connection{
		srv: s, policy: policy, listener: l, id: s.lastConn.Add(1), accepted: time.Now(),
		socket: socket, conn: socket, hs: hs,
	}
	s.roster.enter(c)
	return c
}

// serve takes a connection from its first byte to a refusal or to the relay.
func (c *connection) serve() {
	defer c.srv.roster.leave(c)
	defer c.srv.handshakes.end(c.hs)
	if err := c.secure(); err != nil {
		c.logHandshake(err)
		c.socket.Close()
		return
	}
	buf := connectBuffers.Get().(*[connectBufferSize]byte)
	all, n, err := packets.ReadConnect(c.conn, buf[:0], c.policy.Limits.MaxConnectSize)
	if r := c.open(all, n, err); r != nil {
		c.refuse(r)
	}
	// The password was in there.
	clear(all)
	clear(buf[:])
	connectBuffers.Put(buf)
}

// secure makes the TLS handshake, where the listener has one, on the deadline that was set
// at accept: left to the first read, an idle client could hold it back for ever.
func (c *connection) secure() error {
	if c.listener.TLS == nil {
		return nil
	}
	secure := tls.Server(c.socket, c.listener.TLS.config())
	c.conn = secure
	return secure.Handshake()
}

// open judges what was read, and starts the session or says why not.
func (c *connection) open(all []byte, n int, err error) *refusal {
	if !c.srv.handshakes.heard(c.hs) {
		return &refusal{reason: auth.Busy, quiet: true, detail: gaveWay}
	}
	if err == nil {
		err = packets.ParseConnect(all[:n], &c.connect)
	}
	if err != nil {
		return c.unreadable(err)
	}
	c.creds = auth.Credentials{
		ClientID: c.connect.ClientID,
		UserName: c.connect.UserName, HasUserName: c.connect.HasUserName,
		Password: c.connect.Password, HasPassword: c.connect.HasPassword,
	}
	if c.srv.draining.Err() != nil {
		return &refusal{reason: auth.ShuttingDown}
	}
	if c.connect.HasAuthenticationMethod {
		return &refusal{reason: auth.AuthMethod}
	}
	if !c.srv.roster.admit() {
		return &refusal{reason: auth.Busy, detail: "max_connections is reached"}
	}
	r := c.judge()
	if r == nil {
		// From here on it counts as a session: a broker that is slow to answer takes no place
		// from those who have yet to be judged.
		c.srv.handshakes.end(c.hs)
		r = c.handOver(all, n)
	}
	if r != nil {
		c.srv.roster.dismiss()
	}
	return r
}

// gaveWay is the log's detail for a connection that had to make room.
const gaveWay = "silent while max_handshakes was reached: it gave way"

// unreadable turns an error of reading or parsing into a refusal.
func (c *connection) unreadable(err error) *refusal {
	var perr *packets.Error
	switch {
	case errors.As(err, &perr):
		c.connect.Version = perr.Version
		r := &refusal{reason: reasonOf(perr), err: err}
		if r.reason == auth.TooLarge {
			r.detail = fmt.Sprintf("max_connect_size is %d bytes", c.policy.Limits.MaxConnectSize)
		}
		return r
	case c.srv.draining.Err() != nil:
		return &refusal{reason: auth.ShuttingDown, quiet: true}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{reason: auth.Timeout, detail: "no whole CONNECT within connect_timeout"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &refusal{reason: auth.NotMQTT, detail: "closed before its CONNECT was whole", quiet: true}
	}
	return &refusal{reason: auth.NotMQTT, err: err, quiet: true}
}

// reasonOf returns the reason for a packet that was not accepted.
func reasonOf(err *packets.Error) auth.Reason {
	switch {
	case errors.Is(err, packets.ErrTooLarge):
		return auth.TooLarge
	case errors.Is(err, packets.ErrMalformed):
		return auth.Malformed
	case errors.Is(err, packets.ErrProtocol):
		return auth.ProtocolError
	case errors.Is(err, packets.ErrVersion):
		return auth.ProtocolVersion
	}
	return auth.NotMQTT
}

// judge runs the chain.
func (c *connection) judge() *refusal {
	ctx, cancel := context.WithTimeout(c.srv.draining, c.policy.Limits.AuthTimeout)
	defer cancel()
	c.verdict = c.policy.Chain.Authenticate(ctx, &c.creds)
	switch {
	case c.verdict.Decision == auth.Accept:
		return nil
	case c.verdict.Reason == auth.Busy && c.srv.draining.Err() != nil:
		return &refusal{reason: auth.ShuttingDown}
	}
	return &refusal{reason: c.verdict.Reason, detail: c.verdict.Detail}
}

// handOver dials the broker, gives it the CONNECT and what followed it, and starts the relay.
func (c *connection) handOver(all []byte, n int) *refusal {
	connect, r := c.policy.Credentials.rewrite(&c.connect, &c.creds, c.verdict)
	if r != nil {
		return r
	}
	upstream, address, err := c.policy.Upstream.Dial(c.srv.draining)
	if err != nil {
		if c.srv.draining.Err() != nil {
			return &refusal{reason: auth.ShuttingDown}
		}
		return &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	c.address = address
	session := c.newSession()
	if !c.srv.roster.begin(session, c, upstream) {
		upstream.Close()
		return &refusal{reason: auth.ShuttingDown}
	}
	if session.sent, err = c.sendConnect(upstream, connect, all, n); err != nil {
		c.srv.roster.end(session)
		upstream.Close()
		return &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	c.conn.SetDeadline(time.Time{})
	pair := relay.Pair{
		Client: c.conn, Upstream: upstream,
		MaximumPacketSize: c.connect.MaximumPacketSize,
		HalfCloseTimeout:  c.policy.Limits.HalfCloseTimeout,
		OnConnack:         session.connack,
		OnEnd:             session.ended,
	}
	_, _ = pair.UpFramer.Advance(all[n:]) // an error stays with the framer
	c.logAccepted()
	session.start(c.srv.relay, pair)
	return nil
}

// connectWriteTimeout bounds the write of CONNECT to a broker that was reached: the kernel
// takes it at once, unless it is large and the broker slow.
const connectWriteTimeout = 5 * time.Second

// sendConnect writes CONNECT, as it came or rewritten, and what followed it, and returns how
// many bytes that were.
func (c *connection) sendConnect(upstream net.Conn, connect *packets.Connect, all []byte, n int) (uint64, error) {
	out := all
	if connect != &c.connect {
		out = packets.AppendConnect(make([]byte, 0, len(all)+len(connect.UserName)+len(connect.Password)), connect)
		out = append(out, all[n:]...)
		defer clear(out)
	}
	upstream.SetWriteDeadline(time.Now().Add(connectWriteTimeout))
	if _, err := upstream.Write(out); err != nil {
		return 0, err
	}
	return uint64(len(out)), upstream.SetWriteDeadline(time.Time{})
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
	if len(connack) > 0 && say(c.conn, connack) {
		// What it does now takes no place from those who have yet to be judged.
		c.srv.handshakes.end(c.hs)
		c.linger()
	}
}

// linger gives a refused client a moment to read its answer. Where too many linger already,
// it does not.
func (c *connection) linger() {
	if c.srv.handshakes.linger() {
		drain(c.conn)
		c.srv.handshakes.unlinger()
	}
}
