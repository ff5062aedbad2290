package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/auth"
	"mqttward/proxy/relay"
)

// Options say what a [Server] is made of.
type Options struct {
	// Chain judges the clients.
	Chain *auth.Chain
	// Upstream reaches the broker.
	Upstream Dialer
	// Relay carries the sessions' bytes.
	Relay relay.Relay
	// Credentials say what the broker sees of a client's credentials.
	Credentials CredentialPolicy
	// Refusals say how refused clients are answered.
	Refusals RefusalOptions
	// Expiry says what becomes of a session whose proof ends.
	Expiry Expiry
	// Limits bound what clients can take.
	Limits Limits
	// Log gets one line at each verdict and one at the end of each session. Nil means
	// slog.Default().
	Log *slog.Logger
}

// Dialer reaches the broker, and returns the name of the address that answered.
type Dialer interface {
	Dial(ctx context.Context) (conn net.Conn, address string, err error)
}

// Expiry says what becomes of a session when the proof of its client's identity ends.
type Expiry struct {
	// Keep leaves the session alone.
	Keep bool
	// Jitter spreads the endings of proofs that end together, by a random part of it. Zero
	// means none.
	Jitter time.Duration
}

// Limits bound what clients can take. A zero means the default.
type Limits struct {
	ConnectTimeout time.Duration // from accept to the CONNECT's last byte, TLS included; 15 s
	AuthTimeout    time.Duration // for the chain; 5 s
	ConnackTimeout time.Duration // from handing CONNECT on to the broker's answer; 30 s
	MaxConnectSize int           // bytes of a whole CONNECT; 64 KiB
	MaxConnections int           // sessions, those being judged included; no limit
	MaxHandshakes  int           // connections whose CONNECT has not been accepted; 1,024
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&l.ConnectTimeout, 15*time.Second)
	set(&l.AuthTimeout, 5*time.Second)
	set(&l.ConnackTimeout, 30*time.Second)
	if l.MaxConnectSize == 0 {
		l.MaxConnectSize = 64 << 10
	}
	if l.MaxHandshakes == 0 {
		l.MaxHandshakes = 1024
	}
	return l
}

// ErrServerClosed is what [Server.Serve] returns after Shutdown or Close.
var ErrServerClosed = errors.New("proxy: server closed")

// Server serves MQTT clients. Its contract is net/http's: Serve, Shutdown, Close.
type Server struct {
	chain       *auth.Chain
	upstream    Dialer
	relay       relay.Relay
	credentials CredentialPolicy
	refusals    RefusalOptions
	expiry      Expiry
	limits      Limits
	log         *slog.Logger

	handshakes *handshakes
	roster     *roster
	lingering  chan struct{} // as many as refused clients may linger
	wheel      *wheel
	sampler    *sampler
	lastConn   atomic.Uint64 // the log's conn
	goroutines sync.WaitGroup

	// draining ends when the server begins to end: whoever is not relaying yet is refused.
	draining context.Context
	drain    context.CancelFunc

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	closed    bool
}

// NewServer returns a server that serves nothing yet. It must be closed.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{
		chain:       o.Chain,
		upstream:    o.Upstream,
		relay:       o.Relay,
		credentials: o.Credentials,
		refusals:    o.Refusals,
		expiry:      o.Expiry,
		limits:      o.Limits.withDefaults(),
		log:         o.Log,
		wheel:       newWheel(),
		listeners:   map[net.Listener]struct{}{},
	}
	s.handshakes = newHandshakes(s.limits.MaxHandshakes)
	s.roster = newRoster(s.limits.MaxConnections)
	s.lingering = make(chan struct{}, max(1, s.limits.MaxHandshakes/2))
	s.sampler = newSampler(s.log, s.wheel, s.goroutines.Go)
	s.draining, s.drain = context.WithCancel(context.Background())
	s.goroutines.Go(s.wheel.run)
	return s
}
