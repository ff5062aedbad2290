package proxy

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
)

// The last packets of MQTT 5.0 clients whose session the proxy ends. [MQTT5 3.14.2.1]
var (
	serverShuttingDown = packets.AppendDisconnect(nil, packets.ServerShuttingDown)
	maximumConnectTime = packets.AppendDisconnect(nil, packets.MaximumConnectTime)
)

// session is a client whose bytes are relayed. It keeps what its log lines need and nothing
// of its CONNECT.
type session struct {
	srv      *Server
	id       uint64
	listener string
	remote   netip.AddrPort
	clientID string // as shown
	userName string // as shown
	hasName  bool
	version  packets.Version
	upstream string
	accepted time.Time

	timer            timer
	connackTimeout   time.Duration
	halfCloseTimeout time.Duration
	connackBy        time.Time
	connacked        atomic.Bool
	expires          time.Time   // zero: never
	refused          atomic.Bool // by the broker

	sent uint64 // bytes that went to the broker before the relay took over

	mu    sync.Mutex
	link  relay.Link       // nil until the relay has started
	early func(relay.Link) // what was asked of the link before that
}

func (c *connection) newSession() *session {
	s := &session{
		srv: c.srv, id: c.id, listener: c.listener.Name, remote: peerOf(c.socket),
		clientID: auth.Display(c.creds.ClientID),
		userName: auth.Display(c.creds.UserName), hasName: c.creds.HasUserName,
		version: c.connect.Version, upstream: c.address, accepted: c.accepted,
		// Not the policy: a session would keep all of it in memory, its users too.
		connackTimeout: c.policy.Limits.ConnackTimeout, halfCloseTimeout: c.policy.Limits.HalfCloseTimeout,
	}
	s.timer.owner = s
	if e := c.verdict.Identity.Expires; !e.IsZero() && !c.policy.Expiry.Keep {
		if j := c.policy.Expiry.Jitter; j > 0 {
			e = e.Add(rand.N(j))
		}
		s.expires = e
	}
	return s
}

// start relays, and waits for the broker's CONNACK.
func (s *session) start(engine relay.Relay, p relay.Pair) {
	s.connackBy = time.Now().Add(s.connackTimeout)
	first := s.connackBy
	if !s.expires.IsZero() && s.expires.Before(first) {
		first = s.expires
	}
	s.srv.wheel.set(&s.timer, first)
	link := engine.Start(p)
	s.mu.Lock()
	s.link = link
	early := s.early
	s.mu.Unlock()
	if early != nil {
		early(link)
	}
}

// withLink calls f with the session's link, as soon as there is one. Of what is asked before
// that, the last holds.
func (s *session) withLink(f func(relay.Link)) {
	s.mu.Lock()
	link := s.link
	if link == nil {
		s.early = f
	}
	s.mu.Unlock()
	if link != nil {
		f(link)
	}
}

// Connack is told of the broker's answer as it passes. A broker that refuses has to close; it
// is given as long as one that half-closes. [MQTT5 3.2.2-7]
func (s *session) Connack(code packets.ReasonCode, err error) {
	s.connacked.Store(true)
	switch {
	case err != nil || code != packets.Success:
		s.refused.Store(true)
		s.srv.wheel.set(&s.timer, time.Now().Add(s.halfCloseTimeout))
		s.srv.goroutines.Go(func() { s.logConnack(code, err) }) // the log may block
	case s.expires.IsZero():
		s.srv.wheel.unset(&s.timer)
	default:
		s.srv.wheel.set(&s.timer, s.expires)
	}
}

// due is called by the wheel.
func (s *session) due(now time.Time) {
	switch {
	case !s.connacked.Load() && !now.Before(s.connackBy):
		s.end(relay.ConnackTimeout, nil)
	case s.refused.Load():
		s.end(relay.UpstreamRefused, nil)
	case !s.expires.IsZero() && !now.Before(s.expires):
		s.end(relay.Expired, maximumConnectTime)
	}
}

// end ends the session, an MQTT 5.0 client with the packet disconnect, where there is one.
// The broker sees a plain end, and publishes the will. [MQTT5 3.1.2-8]
func (s *session) end(cause relay.Cause, disconnect []byte) {
	f := relay.Farewell{Cause: cause}
	if s.version == packets.V5 {
		f.Down = disconnect
	}
	s.withLink(func(l relay.Link) { l.End(f) })
}

// kill closes both sides at once.
func (s *session) kill(cause relay.Cause) {
	s.withLink(func(l relay.Link) { l.Kill(cause) })
}

// Ended is called by the relay when both sides are closed.
func (s *session) Ended(e relay.End) {
	s.srv.wheel.unset(&s.timer)
	s.logEnded(e)
	s.srv.roster.dismiss()
	s.srv.roster.end(s)
}
