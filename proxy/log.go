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

// lineAttrs is how many attributes most lines have at most.
const lineAttrs = 12

// who are the attributes that name a client; username only where one was sent.
func who(conn uint64, listener string, remote netip.AddrPort, clientID string, hasName bool, userName string, v packets.Version) []slog.Attr {
	attrs := make([]slog.Attr, 0, lineAttrs)
	attrs = append(attrs, slog.Uint64("conn", conn), slog.String("listener", listener), slog.String("remote", shownPeer(remote)))
	if v != 0 {
		attrs = append(attrs, slog.String("client_id", clientID))
	}
	if hasName {
		attrs = append(attrs, slog.String("username", userName))
	}
	if v != 0 {
		attrs = append(attrs, slog.String("mqtt", v.String()))
	}
	return attrs
}

func (c *connection) who() []slog.Attr {
	attrs := who(c.id, c.listener.Name, c.peer, auth.Display(c.creds.ClientID),
		c.creds.HasUserName, auth.Display(c.creds.UserName), c.connect.Version)
	if c.certName != "" {
		attrs = append(attrs, slog.String("cert_name", auth.Display([]byte(c.certName))))
	}
	return attrs
}

func (s *session) who() []slog.Attr {
	return who(s.id, s.listener.Name, netip.AddrPortFrom(s.remote, s.port),
		s.names[:s.split], s.hasName, s.names[s.split:], s.version)
}

// line logs one line. It does not ask where in the program it stands: slog would find that out at
// the price of half the line, and no handler of ours tells it.
func (s *Server) line(level slog.Level, text string, attrs ...slog.Attr) {
	h, ctx := s.log.Handler(), context.Background()
	if !h.Enabled(ctx, level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, text, 0)
	r.AddAttrs(attrs...)
	_ = h.Handle(ctx, r)
}

func milliseconds(since time.Time) slog.Attr {
	return slog.Float64("duration_ms", float64(time.Since(since).Microseconds())/1000)
}

func (c *connection) logAccepted() {
	if c.spared {
		c.logSpared()
		return
	}
	attrs := append(c.who(), slog.String("stage", c.verdict.Stage), slog.String("verdict", auth.Accept.String()))
	if name := c.verdict.Identity.Name; name != "" {
		attrs = append(attrs, slog.String("identity", auth.Display([]byte(name))))
	}
	c.srv.line(slog.LevelInfo, "connected",
		append(attrs, slog.String("upstream", c.address.Name), milliseconds(c.accepted))...)
}

// logJudged tells how the verdict came about, at debug level.
func (c *connection) logJudged() {
	c.srv.line(slog.LevelDebug, "judged", append(c.who(),
		slog.String("verdict", c.verdict.Decision.String()), slog.Any("explanation", c.explained))...)
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
	attrs := c.who()
	// What came after the verdict is no stage's doing.
	verdict := auth.Deny
	if c.verdict.Stage != "" && !c.spared {
		verdict = c.verdict.Decision
		attrs = append(attrs, slog.String("stage", c.verdict.Stage))
	}
	attrs = append(attrs, slog.String("verdict", verdict.String()), slog.String("reason", r.reason.String()))
	if answered {
		attrs = append(attrs, slog.String("code", hexCode(code)))
	}
	if r.detail != "" {
		attrs = append(attrs, slog.String("detail", r.detail))
	}
	if r.err != nil {
		attrs = append(attrs, slog.Any("error", r.err))
	}
	c.srv.line(level, "refused", append(attrs, milliseconds(c.accepted))...)
}

// logHandshake tells of a TLS handshake that did not come to its end. A peer that just went
// away, as a load balancer's check does, is of no interest.
func (c *connection) logHandshake(err error) {
	level := slog.LevelInfo
	if wentAway(err) {
		level = slog.LevelDebug
	}
	if c.mayLog(level, "tls_handshake") {
		attrs := c.who()
		if subject := shownSubject(err); subject != "" {
			attrs = append(attrs, slog.String("cert_subject", subject))
		}
		// An error about a certificate quotes it, at any length.
		text := auth.Display([]byte(err.Error()))
		c.srv.line(level, "TLS handshake failed",
			append(attrs, slog.String("reason", c.shook.String()), slog.String("error", text), milliseconds(c.accepted))...)
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
		c.srv.line(level, "no PROXY header", append(c.who(), slog.String("error", auth.Display([]byte(err.Error()))), milliseconds(c.accepted))...)
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
	s.srv.line(slog.LevelWarn, text,
		append(s.who(), slog.String("upstream", s.upstream.Load().Name), attr)...)
}

// logEnded tells of a session's end. One that the broker ended without a CONNACK is a fault of
// its, or of what stands between: the client was not told anything.
func (s *session) logEnded(e relay.End) {
	attrs := append(s.who(), slog.String("upstream", s.upstream.Load().Name),
		slog.Uint64("bytes_up", s.sent+e.BytesUp), slog.Uint64("bytes_down", e.BytesDown),
		slog.String("close_reason", string(e.Cause)))
	if e.Cause == relay.Revoked {
		attrs = append(attrs, s.revokedCertificate()...)
	}
	level := slog.LevelInfo
	switch {
	case s.connacked.Load():
	case e.Cause == relay.UpstreamClosed, e.Cause == relay.UpstreamReset, e.Cause == relay.ConnackTimeout:
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("detail", "the broker sent no CONNACK"))
	}
	s.srv.line(level, "session ended", append(attrs, milliseconds(s.srv.began.Add(s.accepted)))...)
}
