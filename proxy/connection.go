package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
	"mqttward/proxy/upstream"
)

// connectBufferSize is what is set aside for a CONNECT before it is known to be larger: one
// with a token of usual size fits.
const connectBufferSize = 2 << 10

var connectBuffers = sync.Pool{New: func() any { return new([connectBufferSize]byte) }}

// connection is a client from accept to the verdict. One goroutine owns it.
type connection struct {
	srv    *Server
	policy *Policy
	// revocation is what was in force before it was judged.
	revocation *Revocation
	listener   *Listener
	id         uint64
	accepted   time.Time
	socket     net.Conn       // as accepted
	conn       net.Conn       // the same, or TLS above it
	upstream   net.Conn       // once dialled, the roster's to close
	peer       netip.AddrPort // the client's, as far as is known
	local      netip.AddrPort // what the client connected to, where a PROXY header told
	head       []byte         // of the client's stream, where it was read to find no header
	hs         *handshake
	small      bool     // its CONNECT, and what came behind that, fit the first buffer
	waited     bool     // a stage had it wait in a queue
	admitted   bool     // it counts; the roster's
	lead       *nursery // whose leader serves it; nil: it has a goroutine of its own
	slot       uint32   // in the nursery
	timer      timer    // of the nursery

	certName  string                // the name in the client's certificate; empty: none
	certified [][]*x509.Certificate // the chains that its certificate was verified by; nil: it has none

	connect packets.Connect // aliases the buffer that it was read into
	creds   auth.Credentials
	verdict auth.Verdict
	// explained is how the verdict came about; nil where nobody wants to know.
	explained *auth.Explanation
	observed  bool              // the chain's verdict does not hold for it
	spared    bool              // and the chain would have refused it
	shook     HandshakeResult   // how TLS began, where it did
	address   *upstream.Address // once dialled
	presented time.Time         // when its CONNECT was sent
}

// refusal is why a connection does not become a session.
type refusal struct {
	reason auth.Reason
	detail string // for the log
	err    error  // for the log
	quiet  bool   // nobody is there to be told: the client went away, say
	over   string // where it is quiet: why the connection is over, if the reason doesn't tell
	met    Limit  // where the reason is Busy or RateLimited, and it is not quiet
}

// newConnection begins a client's connection, under its deadline.
func (s *Server) newConnection(l *Listener, socket net.Conn, hs *handshake) *connection {
	policy, revocation := s.inForce()
	c := &connection{
		srv: s, policy: policy, revocation: revocation, listener: l, id: s.lastConn.Add(1), accepted: hs.came,
		socket: socket, conn: socket, hs: hs,
	}
	socket.SetDeadline(c.accepted.Add(c.policy.Limits.ConnectTimeout))
	if s.draining.Err() != nil { // and its deadline may have been there before ours
		socket.SetDeadline(time.Now().Add(silentGrace))
	}
	s.roster.enter(c)
	s.observer.Accepted(l.Name)
	return c
}

// serve takes a connection from its first byte to a refusal or to the relay.
func (c *connection) serve() {
	defer c.srv.roster.leave(c)
	defer c.srv.handshakes.end(c.hs)
	if err := c.introduce(); err != nil {
		c.dismissed(err)
		return
	}
	if c.barred() {
		return
	}
	if err := c.secure(); err != nil {
		reason := closedGaveWay
		if c.wanted() {
			c.logHandshake(err)
			c.observeUnheard(closedHandshake, "", err)
			reason = closedHandshake
		}
		c.socket.Close()
		c.srv.observer.Closed(c.listener.Name, reason)
		return
	}
	buf := connectBuffers.Get().(*[connectBufferSize]byte)
	from := &greeting{Conn: c.conn, head: c.head, began: c.began}
	if c.listener.Secure {
		from.head = nil // TLS has read it
	}
	all, n, err := packets.ReadConnect(from, buf[:0], c.policy.Limits.MaxConnectSize)
	if r := c.open(all, n, err); r != nil {
		c.refuse(r)
	}
	// The password was in there.
	clear(all)
	clear(buf[:])
	connectBuffers.Put(buf)
}

// wanted says that the client's part is over, whatever came of it, and reports whether it still
// had its place.
func (c *connection) wanted() bool {
	if c.srv.handshakes.heard(c.hs) {
		return true
	}
	c.srv.sampler.evicted(c.hs.address)
	c.srv.observer.Limited(LimitHandshakes)
	return false
}

// began says that the client has sent something.
func (c *connection) began() { c.srv.handshakes.began(c.hs) }

// errNoTLS says that the policy has no TLS for a secure listener.
var errNoTLS = errors.New("no TLS settings for the listener")

// secure makes the TLS handshake, where the listener has one, on the deadline that was set
// at accept: left to the first read, an idle client could hold it back for ever.
func (c *connection) secure() error {
	if !c.listener.Secure {
		return nil
	}
	settings, ok := c.policy.TLS[c.listener.Name]
	if !ok {
		c.shook = HandshakeOther
		return errNoTLS
	}
	conf := settings.Config
	// The relay takes the socket from below TLS later.
	g := &greeting{Conn: c.socket, head: c.head, began: c.began, slow: true}
	conn := tls.Server(relay.NewWire(g), conf)
	c.conn = conn
	err := g.explained(conn.Handshake())
	state := conn.ConnectionState()
	c.shook = handshakeResult(err, &state, conf.ClientAuth == tls.RequireAndVerifyClientCert)
	c.srv.observer.Secured(c.shook, err == nil && state.DidResume)
	if err == nil {
		c.certName, c.certified = settings.Name.Of(&state), state.VerifiedChains
	}
	return err
}

// open judges what was read, and starts the session or says why not.
func (c *connection) open(all []byte, n int, err error) *refusal {
	if !c.wanted() {
		return &refusal{reason: auth.Busy, quiet: true, detail: "not heard of while max_handshakes was reached: it gave way"}
	}
	if err == nil {
		err = packets.ParseConnect(all[:n], &c.connect)
	}
	if err != nil {
		return c.unreadable(err)
	}
	c.small = len(all) <= connectBufferSize
	c.creds = credentialsOf(&c.connect, c.certName, c.hs.address)
	if c.srv.draining.Err() != nil {
		return &refusal{reason: auth.ShuttingDown}
	}
	if c.connect.HasAuthenticationMethod {
		return &refusal{reason: auth.AuthMethod}
	}
	if r := c.admit(); r != nil {
		return r
	}
	r := c.judge()
	if r == nil && c.gaveUp(all[n:]) {
		r = &refusal{reason: auth.Busy, quiet: true, over: closedGaveUp, detail: "closed while it waited"}
	}
	if r == nil {
		// From here on it counts as a session: a broker that is slow to answer takes no place
		// from those who have yet to be judged.
		c.srv.handshakes.end(c.hs)
		r = c.handOver(all, n)
	}
	if r != nil {
		c.srv.roster.dismiss(c)
	}
	return r
}

// unreadable turns an error of reading or parsing into a refusal.
func (c *connection) unreadable(err error) *refusal {
	var perr *packets.Error
	switch {
	case errors.As(err, &perr):
		c.connect.Version = perr.Version
		return unparsable(perr, &c.policy.Limits)
	case c.srv.draining.Err() != nil:
		return &refusal{reason: auth.ShuttingDown, quiet: true}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{reason: auth.Timeout, detail: "no whole CONNECT within connect_timeout"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &refusal{reason: auth.NotMQTT, detail: "closed before its CONNECT was whole", quiet: true}
	}
	return &refusal{reason: auth.NotMQTT, err: err, quiet: true}
}

// credentialsOf is what a client at an address, with a name in its certificate or none, claims in
// its CONNECT.
func credentialsOf(c *packets.Connect, certName string, address netip.Prefix) auth.Credentials {
	return auth.Credentials{
		ClientID: c.ClientID,
		UserName: c.UserName, HasUserName: c.HasUserName,
		Password: c.Password, HasPassword: c.HasPassword,
		CertName: certName, Address: address,
	}
}

// unparsable is the refusal of a packet that is not accepted.
func unparsable(err *packets.Error, l *Limits) *refusal {
	r := &refusal{reason: reasonOf(err), err: err}
	if r.reason == auth.TooLarge {
		r.detail = fmt.Sprintf("max_connect_size is %d bytes", l.MaxConnectSize)
	}
	return r
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
	ctx := c.step(c.policy.Limits.AuthTimeout)
	defer ctx.end()
	debug := c.srv.log.Enabled(context.Background(), slog.LevelDebug)
	if debug || c.srv.observer.WantsExplanation() {
		c.explained = c.policy.Chain.Explain(ctx, &c.creds)
		c.verdict = c.explained.Verdict
	} else {
		c.verdict = c.policy.Chain.Authenticate(ctx, &c.creds)
	}
	if debug {
		c.logJudged()
	}
	c.observed = !c.enforced()
	c.heed()
	switch {
	case c.verdict.Decision == auth.Accept:
		return nil
	case c.verdict.Reason == auth.Busy && c.srv.draining.Err() != nil:
		return &refusal{reason: auth.ShuttingDown}
	}
	r := &refusal{reason: c.verdict.Reason, met: LimitHashQueue, detail: c.verdict.Detail}
	if ctx.Err() != nil {
		r.met = LimitAuthTimeout
	}
	if c.observed {
		c.spare(r)
		return nil
	}
	return r
}
