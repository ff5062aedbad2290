package proxy

import (
	"net/netip"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
)

// Observer is told what becomes of clients, so that it can be counted and shown. Each connection
// that is Accepted is Closed once; in between it is Connected, or Refused, or Unheard, or none of
// these where it gave way to others, say. Its methods are called by many goroutines at once, on the
// path of connects and of the relay: they must return at once.
type Observer interface {
	// Accepted tells of a connection that was accepted.
	Accepted(listener string)
	// Secured tells how a TLS handshake ended, and whether it resumed an earlier one.
	Secured(r HandshakeResult, resumed bool)
	// Connected tells of a client that was let in and handed to the broker.
	Connected(listener string, v packets.Version)
	// Refused tells of a client that was refused, whether or not it can be told.
	Refused(r Refusal)
	// Unheard tells of a connection that ended before its CONNECT was whole.
	Unheard(u Unheard)
	// WantsExplanation says whether the next verdict is to be explained, where it is one to be
	// told of. That takes memory and some microseconds.
	WantsExplanation() bool
	// Spared tells of a client that the chain would have refused, and that was let through since its
	// verdict does not hold for it (see [Enforcement]). Whatever becomes of it is told besides.
	Spared(r Refusal)
	// Answered tells of a refusal's CONNACK that was sent.
	Answered(v packets.Version, code packets.ReasonCode)
	// BrokerAnswered tells of the broker's CONNACK; with valid false it sent something else.
	BrokerAnswered(code packets.ReasonCode, valid bool)
	// Limited tells that a limit was met.
	Limited(l Limit)
	// Closed tells that a connection is over, and why, in one of the words of [CloseReasons].
	Closed(listener, reason string)
}

// Refusal is all that may be told of a client that was refused. It holds no secret: what the
// client wrote is as auth.Display shows it, cut and escaped, with a token as "[jwt]".
type Refusal struct {
	// Time is when it was refused.
	Time time.Time
	// Conn is the connection's number, as in the log.
	Conn     uint64
	Listener string
	Remote   netip.AddrPort
	// Version is zero where no CONNECT of a version that is served was read.
	Version packets.Version
	// ClientID and UserName are empty where none was read; a user name may also be sent empty.
	ClientID, UserName string
	HasUserName        bool
	// Stage is that which decided, empty where none did.
	Stage  string
	Reason auth.Reason
	// Code is what the client is told; zero where it is only closed.
	Code packets.ReasonCode
	// Detail says more, as in the log; it may be empty.
	Detail string
	// Explanation is how the stages came to the verdict; nil where that was not written down: it is
	// at debug level, and where the observer wanted it. Claims' values are in it.
	Explanation *auth.Explanation
}

// Limit is one of those that clients meet.
type Limit uint8

// The limits, by the key that sets them.
const (
	LimitConnections           Limit = iota // max_connections: the client was refused
	LimitHandshakes                         // max_handshakes: a connection gave way to another
	LimitConnectSize                        // max_connect_size
	LimitConnectTimeout                     // connect_timeout, before the CONNECT was whole
	LimitAuthTimeout                        // auth_timeout
	LimitHashQueue                          // no place to wait for a slow password hash
	LimitUpstreamRate                       // upstream.connect_rate
	LimitConnackTimeout                     // connack_timeout
	LimitListenerConnections                // listener.max_connections: the client was refused
	LimitConnectionsPerAddress              // max_connections_per_address: the client was refused
	LimitConnectRate                        // connect_rate
	LimitConnectRatePerAddress              // connect_rate_per_address
	LimitBan                                // the address is banned
	numLimits
)

// String returns the limit's word, as it stands in metrics.
func (l Limit) String() string {
	return [numLimits]string{
		"max_connections", "max_handshakes", "max_connect_size", "connect_timeout",
		"auth_timeout", "hash_queue", "upstream_connect_rate", "connack_timeout",
		"listener_max_connections", "max_connections_per_address", "connect_rate", "connect_rate_per_address", "ban",
	}[l]
}

// AllLimits returns every limit.
func AllLimits() []Limit {
	all := make([]Limit, numLimits)
	for i := range all {
		all[i] = Limit(i)
	}
	return all
}

// Why a connection is over that was neither refused nor relayed.
const (
	closedNoConnect = "no_connect"    // its client went before its CONNECT was whole
	closedGaveWay   = "gave_way"      // max_handshakes was reached
	closedGaveUp    = "gave_up"       // its client went while it waited to be judged
	closedHandshake = "tls_handshake" // that failed
	closedProxy     = "proxy_header"  // of the PROXY protocol: it is missing, bad or from the wrong address
)

// CloseReasons returns the words of Observer.Closed: those of the refusals, those of the sessions'
// ends, and what is neither.
func CloseReasons() []string {
	all := []string{closedNoConnect, closedGaveWay, closedGaveUp, closedHandshake, closedProxy}
	for _, c := range relay.Causes() {
		all = append(all, string(c))
	}
	for _, r := range auth.Reasons() {
		all = append(all, r.String())
	}
	return all
}

// observeRefused tells of a refusal and of the connection's end.
func (c *connection) observeRefused(r *refusal, code packets.ReasonCode, answered bool) {
	o := c.srv.observer
	if r.quiet {
		why := r.quietly()
		if why == closedNoConnect {
			c.observeUnheard(why, r.detail, r.err)
		}
		o.Closed(c.listener.Name, why)
		return
	}
	if l, ok := r.limit(); ok {
		o.Limited(l)
	}
	o.Refused(c.shownRefusal(r, code, answered))
	o.Closed(c.listener.Name, r.reason.String())
}

// quietly is why a connection is over of which nobody was there to be refused.
func (r *refusal) quietly() string {
	if r.over != "" {
		return r.over
	}
	switch r.reason {
	case auth.Busy:
		return closedGaveWay
	case auth.NotMQTT:
		return closedNoConnect
	}
	return r.reason.String()
}

// limit returns the limit that is the reason, where one is.
func (r *refusal) limit() (Limit, bool) {
	switch r.reason {
	case auth.TooLarge:
		return LimitConnectSize, true
	case auth.Timeout:
		return LimitConnectTimeout, true
	case auth.UpstreamRate:
		return LimitUpstreamRate, true
	case auth.Banned:
		return LimitBan, true
	case auth.Busy, auth.RateLimited:
		return r.met, true
	}
	return 0, false
}

func (c *connection) shownRefusal(r *refusal, code packets.ReasonCode, answered bool) Refusal {
	shown := Refusal{
		Time: time.Now(), Conn: c.id, Listener: c.listener.Name, Remote: c.peer, Version: c.connect.Version,
		ClientID: auth.Display(c.creds.ClientID), UserName: auth.Display(c.creds.UserName), HasUserName: c.creds.HasUserName,
		Reason: r.reason, Detail: r.detail, Explanation: c.explained,
	}
	if !c.spared { // or else it is refused for something else
		shown.Stage = c.verdict.Stage
	}
	if answered {
		shown.Code = code
	}
	if shown.Detail == "" && r.err != nil {
		shown.Detail = auth.Display([]byte(r.err.Error()))
	}
	return shown
}

// unobserved is the observer where there is none.
type unobserved struct{}

func (unobserved) Accepted(string)                              {}
func (unobserved) Secured(HandshakeResult, bool)                {}
func (unobserved) Connected(string, packets.Version)            {}
func (unobserved) Refused(Refusal)                              {}
func (unobserved) Unheard(Unheard)                              {}
func (unobserved) WantsExplanation() bool                       { return false }
func (unobserved) Spared(Refusal)                               {}
func (unobserved) Answered(packets.Version, packets.ReasonCode) {}
func (unobserved) BrokerAnswered(packets.ReasonCode, bool)      {}
func (unobserved) Limited(Limit)                                {}
func (unobserved) Closed(string, string)                        {}
