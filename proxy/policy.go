package proxy

import (
	"context"
	"time"

	"mqttward/auth"
	"mqttward/proxy/upstream"
)

// Policy is all of a server that can change while it serves. A connection keeps the one that
// it began with until it relays; a session keeps what was decided about it.
type Policy struct {
	// Chain judges the clients. It must not be nil.
	Chain *auth.Chain
	// Upstream reaches the broker. It must not be nil.
	Upstream Dialer
	// UpstreamRate bounds how fast clients are handed to the broker.
	UpstreamRate UpstreamRate
	// Credentials say what the broker sees of a client's credentials.
	Credentials CredentialPolicy
	// Enforcement holds the listeners, by name, for which not every verdict of the chain holds. It
	// holds for all clients of a listener that is not in it.
	Enforcement map[string]Enforcement
	// Refusals say how refused clients are answered.
	Refusals RefusalOptions
	// Expiry says what becomes of a session whose proof ends.
	Expiry Expiry
	// Limits bound what clients can take.
	Limits Limits
	// ProxyProtocol says what the connections of a listener begin with, by its name.
	ProxyProtocol map[string]ProxyProtocol
	// TLS are the settings of the secure listeners, by name; see [WithALPN]. They are part of the
	// policy so that no client is met by the TLS of one and judged by the chain of another.
	TLS map[string]TLS
}

// SetPolicy puts p in force for every connection that comes from now on. No session feels it;
// a lower limit of connections is reached as sessions end, who waits for the upstream goes at the
// new rate, and who is banned stays so, unless nobody is any more or the address is exempt now.
func (s *Server) SetPolicy(p Policy) {
	if p.Chain == nil || p.Upstream == nil {
		panic("proxy: a policy without a chain or an upstream")
	}
	p.Limits = p.Limits.withDefaults()
	s.policy.Store(&p)
	s.handshakes.limit(p.Limits.MaxHandshakes)
	s.roster.limit(&p.Limits)
	s.rates.limit(p.Limits.ConnectRate, p.Limits.ConnectRatePerAddress)
	if lifted := s.bans.limit(p.Limits.Ban); lifted > 0 {
		s.log.Info("bans lifted", "bans", lifted)
	}
	s.governor.limit(p.UpstreamRate, p.Limits.MaxHandshakes)
}

// Dialer reaches the broker; [upstream.Pool] is one.
type Dialer interface {
	Dial(ctx context.Context, c upstream.Client) (upstream.Connection, error)
}

// UpstreamRate bounds how fast clients that were let in are handed to the upstream, so that a
// fleet that comes back at once does not bring the broker down again. Those who can't go at
// once wait, for 2 s at most, their addresses being served in turn; whoever would have to wait
// longer is refused with upstream_rate, before the upstream is dialled.
//
// After the upstream was down (no address could be reached), the rate begins at a tenth, or 1
// per second if that is more, and rises to its full within 10 s; while it is down, that tenth
// is what is tried. Live sessions are not concerned.
type UpstreamRate struct {
	// Connects is how many may go per second. Zero means that there is no bound: nobody waits,
	// and nothing begins slowly.
	Connects int
	// Burst is how many may go at once after a time in which fewer came. It shrinks with the
	// rate. Zero means a tenth of Connects, and at least 1.
	Burst int
}

// Expiry says what becomes of a session when the proof of its client's identity ends.
type Expiry struct {
	// Keep leaves the session alone.
	Keep bool
	// Jitter spreads the endings of proofs that end together, by a random part of it. Zero
	// means none.
	Jitter time.Duration
}

// Limits bound what clients can take.
type Limits struct {
	// ConnectTimeout is the time from accept to the CONNECT's last byte, the TLS handshake
	// included. Zero means 15 s.
	ConnectTimeout time.Duration
	// AuthTimeout is the chain's time for one client. Zero means 10 s.
	AuthTimeout time.Duration
	// ConnackTimeout is the time from handing CONNECT on to the broker's answer. Zero means 30 s.
	ConnackTimeout time.Duration
	// HalfCloseTimeout is how long a session may go without progress once one side is gone.
	// Zero means 10 s.
	HalfCloseTimeout time.Duration
	// MaxConnectSize is the most bytes of a whole CONNECT. Zero means 64 KiB.
	MaxConnectSize int
	// MaxConnections is how many clients may be in, those that are being judged included. Zero
	// means that there is no limit.
	MaxConnections int
	// MaxListenerConnections is how many of them may have come by a listener, by its name. A
	// listener that is not there, or zero, has no limit of its own.
	MaxListenerConnections map[string]int
	// MaxConnectionsPerAddress is how many of them may come from one address, an IPv4 address or
	// an IPv6 /64. Zero means that there is no limit.
	MaxConnectionsPerAddress int
	// MaxHandshakes is how many connections may be on their way to a verdict, apart from those that
	// a stage has in a bounded queue of its own ([auth.QueuedKey]) and whose CONNECT has no more
	// than 2 KiB. Zero means 1,024.
	MaxHandshakes int
	// ConnectRate is how many clients may be judged per second; as many may come at once. Where
	// more come, those addresses are refused first that took most. Zero means that there is no
	// limit.
	ConnectRate int
	// ConnectRatePerAddress is how many of them may come from one address. Zero means that there
	// is no limit.
	ConnectRatePerAddress int
	// Ban says when an address is banned.
	Ban BanLimits
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&l.ConnectTimeout, 15*time.Second)
	set(&l.AuthTimeout, 10*time.Second)
	set(&l.ConnackTimeout, 30*time.Second)
	set(&l.HalfCloseTimeout, 10*time.Second)
	set(&l.Ban.Window, time.Minute)
	set(&l.Ban.Time, 5*time.Minute)
	if l.MaxConnectSize == 0 {
		l.MaxConnectSize = 64 << 10
	}
	if l.MaxHandshakes == 0 {
		l.MaxHandshakes = 1024
	}
	return l
}
