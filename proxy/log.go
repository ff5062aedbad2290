package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
)

// The log has one line at the verdict and one at the end of each session. What clients send
// passes through auth.Display; passwords, tokens and claims' values are never passed at all.

// hexCode shows a code as the specifications print it.
func hexCode(c packets.ReasonCode) string { return fmt.Sprintf("0x%02x", byte(c)) }

// line is one of the log, as long as it is made, in one piece of memory where it is not longer than most.
type line struct {
	now   time.Time
	attrs []slog.Attr
	room  [lineAttrs]slog.Attr
}

// lineAttrs is how many attributes most lines have at most.
const lineAttrs = 12

func newLine() *line {
	l := &line{now: time.Now()}
	l.attrs = l.room[:0]
	return l
}

// with adds attributes.
func (l *line) with(attrs ...slog.Attr) *line {
	l.attrs = append(l.attrs, attrs...)
	return l
}

// since adds how long ago a time is.
func (l *line) since(t time.Time) *line {
	return l.with(slog.Float64("duration_ms", float64(l.now.Sub(t).Microseconds())/1000))
}

// log writes the line. It does not ask where in the program it stands: slog would find that out at
// the price of half the line, and no handler of ours tells it. The attributes are those of a group
// without a name, which stand where it does: a record would copy them.
func (l *line) log(s *Server, level slog.Level, text string) {
	h, ctx := s.log.Handler(), context.Background()
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(l.now, level, text, 0)
	r.AddAttrs(slog.Attr{Value: slog.GroupValue(l.attrs...)})
	_ = h.Handle(ctx, r)
}

// who begins a line about a client; username only where one was sent.
func who(conn uint64, listener string, remote netip.AddrPort, clientID string, hasName bool, userName string, v packets.Version) *line {
	l := newLine().with(slog.Uint64("conn", conn), slog.String("listener", listener), slog.String("remote", shownPeer(remote)))
	if v != 0 {
		l.with(slog.String("client_id", clientID))
	}
	if hasName {
		l.with(slog.String("username", userName))
	}
	if v != 0 {
		l.with(slog.String("mqtt", v.String()))
	}
	return l
}

func (c *connection) who() *line {
	l := who(c.id, c.listener.Name, c.peer, auth.Display(c.creds.ClientID),
		c.creds.HasUserName, auth.Display(c.creds.UserName), c.connect.Version)
	if c.certName != "" {
		l.with(slog.String("cert_name", auth.Display([]byte(c.certName))))
	}
	return l
}

func (s *session) who() *line {
	return who(s.id, s.listener.Name, netip.AddrPortFrom(s.remote, s.port),
		s.names[:s.split], s.hasName, s.names[s.split:], s.version)
}

func (c *connection) logAccepted() {
	if c.spared {
		c.logSpared()
		return
	}
	l := c.who().with(slog.String("stage", c.verdict.Stage), slog.String("verdict", auth.Accept.String()))
	if name := c.verdict.Identity.Name; name != "" {
		l.with(slog.String("identity", auth.Display([]byte(name))))
	}
	l.with(slog.String("upstream", c.address.Name)).since(c.accepted).log(c.srv, slog.LevelInfo, "connected")
}

// logJudged tells how the verdict came about, at debug level.
func (c *connection) logJudged() {
	c.who().with(slog.String("verdict", c.verdict.Decision.String()), slog.Any("explanation", c.explained)).
		log(c.srv, slog.LevelDebug, "judged")
}

// logRefused tells why a client did not become a session. answered says whether the code is
// sent; without it the connection is just closed.
func (c *connection) logRefused(r *refusal, code packets.ReasonCode, answered bool) {
	level := slog.LevelInfo
	switch {
	case r.quiet:
		level = slog.LevelDebug
	case r.reason == auth.InternalError:
		level = slog.LevelError
	}
	if !c.mayLog(level, r.reason.String()) {
		return
	}
	l := c.who()
	// What came after the verdict is no stage's doing.
	verdict := auth.Deny
	if c.verdict.Stage != "" && !c.spared {
		verdict = c.verdict.Decision
		l.with(slog.String("stage", c.verdict.Stage))
	}
	l.with(slog.String("verdict", verdict.String()), slog.String("reason", r.reason.String()))
	if answered {
		l.with(slog.String("code", hexCode(code)))
	}
	if r.detail != "" {
		l.with(slog.String("detail", r.detail))
	}
	if r.err != nil {
		l.with(slog.Any("error", r.err))
	}
	l.since(c.accepted).log(c.srv, level, "refused")
}

// logHandshake tells of a TLS handshake that did not come to its end. A peer that just went
// away, as a load balancer's check does, is of no interest.
func (c *connection) logHandshake(err error) {
	level := slog.LevelInfo
	if wentAway(err) {
		level = slog.LevelDebug
	}
	if c.mayLog(level, "tls_handshake") {
		l := c.who()
		if subject := shownSubject(err); subject != "" {
			l.with(slog.String("cert_subject", subject))
		}
		// An error about a certificate quotes it, at any length.
		text := auth.Display([]byte(err.Error()))
		l.with(slog.String("reason", c.shook.String()), slog.String("error", text)).since(c.accepted).log(c.srv, level, "TLS handshake failed")
	}
}

// logUnintroduced tells of a connection without the PROXY header that it should have. A peer that
// just went away, as a load balancer's check does, is of no interest.
func (c *connection) logUnintroduced(err error) {
	level := slog.LevelInfo
	if wentAway(err) {
		level = slog.LevelDebug
	}
	if c.mayLog(level, closedProxy) {
		text := auth.Display([]byte(err.Error()))
		c.who().with(slog.String("error", text)).since(c.accepted).log(c.srv, level, "no PROXY header")
	}
}

// mayLog reports whether a line of this level about a client that is not let in is wanted. At
// debug level nothing is suppressed.
func (c *connection) mayLog(level slog.Level, reason string) bool {
	ctx, log := context.Background(), c.srv.log
	return log.Enabled(ctx, level) &&
		(log.Enabled(ctx, slog.LevelDebug) || c.srv.sampler.take(c.hs.address, reason))
}

// logConnack tells that the broker refused whom we let in, or answered something else.
func (s *session) logConnack(code packets.ReasonCode, err error) {
	text, attr := "refused by the broker", slog.String("code", hexCode(code))
	if err != nil {
		text, attr = "no CONNACK from the broker", slog.Any("error", err)
	}
	s.who().with(slog.String("upstream", s.upstream.Load().Name), attr).log(s.srv, slog.LevelWarn, text)
}

// logEnded tells of a session's end. One that the broker ended without a CONNACK is a fault of
// its, or of what stands between: the client was not told anything.
func (s *session) logEnded(e relay.End) {
	l := s.who().with(slog.String("upstream", s.upstream.Load().Name),
		slog.Uint64("bytes_up", s.sent+e.BytesUp), slog.Uint64("bytes_down", e.BytesDown),
		slog.String("close_reason", string(e.Cause)))
	if e.Cause == relay.Revoked {
		l.with(s.revokedCertificate()...)
	}
	level := slog.LevelInfo
	switch {
	case s.connacked.Load():
	case e.Cause == relay.UpstreamClosed, e.Cause == relay.UpstreamReset, e.Cause == relay.ConnackTimeout:
		level = slog.LevelWarn
		l.with(slog.String("detail", "the broker sent no CONNACK"))
	}
	l.since(s.srv.began.Add(s.accepted)).log(s.srv, level, "session ended")
}
