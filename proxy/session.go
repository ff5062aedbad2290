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
	"mqttward/proxy/upstream"
)

// The last packets of MQTT 5.0 clients whose session the proxy ends. [MQTT5 3.14.2.1]
var (
	serverShuttingDown = packets.AppendDisconnect(nil, packets.ServerShuttingDown)
	maximumConnectTime = packets.AppendDisconnect(nil, packets.MaximumConnectTime)
	// A revoked client is not told that it is not authorized (0x87): it did nothing that was refused.
	// "The Connection is closed due to an administrative action."
	administrativeAction = packets.AppendDisconnect(nil, packets.AdministrativeAction)
)

// session is a client whose bytes are relayed. It keeps what its log lines need and nothing
// of its CONNECT, and is as small as that allows: there may be a million of them, most idle.
type session struct {
	srv      *Server
	id       uint64
	listener *Listener
	upstream atomic.Pointer[upstream.Address]
	names    string        // the client id and behind it the user name, as shown
	accepted time.Duration // since the server's start
	sent     uint64        // bytes that went to the broker before the relay took over
	waits    atomic.Pointer[waits]
	link     relay.Link // nil until the relay has started; see starting
	remote   netip.Addr
	port     uint16 // of remote
	split    uint16 // where in names the user name begins
	version  packets.Version
	hasName  bool

	connacked, refused atomic.Bool   // by the broker
	turn               atomic.Uint32 // a drainTurn
	leaving            atomic.Bool   // its turn will come, unless what it rests on is back by then

	mark auth.Mark // of what it rests on; zero: it is never revoked
}

// waits is what a session waits for: the broker's CONNACK, or the end of a refused client, and
// then the end of its proof. A session that waits for nothing has none.
type waits struct {
	timer            timer
	halfCloseTimeout time.Duration
	connackBy        time.Duration // since the server's start
	expires          int64         // Unix milliseconds, which reach beyond the year 2262; 0: never
}

// starting knows what was asked of sessions whose relay has not started. It is safe for
// concurrent use.
type starting struct {
	mu    sync.Mutex // guards the sessions' links too
	asked map[*session]func(relay.Link)
}

func (c *connection) newSession() *session {
	clientID, userName := auth.Display(c.creds.ClientID), auth.Display(c.creds.UserName)
	s := &session{
		srv: c.srv, id: c.id, listener: c.listener, remote: c.peer.Addr(), port: c.peer.Port(),
		names: clientID + userName, split: uint16(len(clientID)), hasName: c.creds.HasUserName,
		version: c.connect.Version, accepted: c.accepted.Sub(c.srv.began),
		mark: c.mark(),
	}
	s.upstream.Store(c.address)
	return s
}

// expires returns when the session of c ends with the proof of its client's identity; the zero
// time means never.
func (c *connection) expires() time.Time {
	e := c.verdict.Identity.Expires
	if e.IsZero() || c.policy.Expiry.Keep || c.observed {
		return time.Time{}
	}
	if j := c.policy.Expiry.Jitter; j > 0 {
		e = e.Add(rand.N(j))
	}
	return e
}

// start relays for c, and waits for the broker's CONNACK.
func (s *session) start(c *connection, p relay.Pair) {
	limits := &c.policy.Limits
	w := &waits{
		halfCloseTimeout: limits.HalfCloseTimeout,
		connackBy:        c.presented.Add(limits.ConnackTimeout).Sub(s.srv.began),
	}
	w.timer.owner = s
	first := c.presented.Add(limits.ConnackTimeout)
	if e := c.expires(); !e.IsZero() {
		w.expires = e.UnixMilli() + 1 // never early
		if e = time.UnixMilli(w.expires); e.Before(first) {
			first = e
		}
	}
	s.waits.Store(w)
	s.srv.wheel.set(&w.timer, first)
	if drainTurn(s.turn.Load()) != notYet {
		s.awaitConnack()
	}
	link := s.srv.relay.Start(p)
	starting := &s.srv.starting
	starting.mu.Lock()
	s.link = link
	early := starting.asked[s]
	delete(starting.asked, s)
	starting.mu.Unlock()
	if early != nil {
		early(link)
	}
}

// abandon ends a session that will not start. Its upstream was told.
func (s *session) abandon() {
	s.srv.starting.mu.Lock()
	delete(s.srv.starting.asked, s)
	s.srv.starting.mu.Unlock()
	s.srv.roster.end(s, 0, 0)
}

// address is the network that the client is counted under.
func (s *session) address() netip.Prefix { return masked(netip.AddrPortFrom(s.remote, s.port)) }

// withLink calls f with the session's link, as soon as there is one. Of what is asked before
// that, the last holds.
func (s *session) withLink(f func(relay.Link)) {
	starting := &s.srv.starting
	starting.mu.Lock()
	link := s.link
	if link == nil {
		starting.asked[s] = f
	}
	starting.mu.Unlock()
	if link != nil {
		f(link)
	}
}

// Connack is told of the broker's answer as it passes. A broker that refuses has to close; it
// is given as long as one that half-closes. [MQTT5 3.2.2-7]
func (s *session) Connack(code packets.ReasonCode, err error) {
	s.connacked.Store(true)
	s.srv.observer.BrokerAnswered(code, err == nil)
	w := s.waits.Load()
	if w == nil {
		return // it has ended
	}
	switch {
	case err != nil || code != packets.Success:
		s.refused.Store(true)
		s.srv.wheel.set(&w.timer, time.Now().Add(w.halfCloseTimeout))
		s.srv.goroutines.Go(func() { s.logConnack(code, err) }) // the log may block
	case w.expires == 0:
		s.endWaits()
	default:
		s.srv.wheel.set(&w.timer, time.UnixMilli(w.expires))
	}
	s.endTurn()
}

// endWaits has the session wait for nothing more.
func (s *session) endWaits() {
	if w := s.waits.Swap(nil); w != nil {
		s.srv.wheel.unset(&w.timer)
	}
}

// due is called by the wheel.
func (s *session) due(now time.Time) {
	w := s.waits.Load()
	switch {
	case w == nil:
	case !s.connacked.Load() && now.Sub(s.srv.began) >= w.connackBy:
		s.srv.observer.Limited(LimitConnackTimeout)
		s.end(relay.ConnackTimeout, nil)
	case s.endTurn():
	case s.refused.Load():
		s.end(relay.UpstreamRefused, nil)
	case w.expires != 0 && now.UnixMilli() >= w.expires:
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
	s.endWaits()
	s.upstream.Load().Release()
	s.logEnded(e)
	s.srv.observer.Closed(s.listener.Name, string(e.Cause))
	s.srv.roster.end(s, s.sent+e.BytesUp, e.BytesDown)
}
