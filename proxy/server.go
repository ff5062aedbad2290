package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/proxy/relay"
)

// Options say what a [Server] is made of.
type Options struct {
	// Policy is what can be changed while the server serves, by SetPolicy.
	Policy
	// Relay carries the sessions' bytes. It must not be nil.
	Relay relay.Relay
	// Observer is told what becomes of clients. Nil means that nobody is.
	Observer Observer
	// Log gets one line at each verdict and one at the end of each session. Nil means
	// slog.Default().
	Log *slog.Logger
}

// ErrServerClosed is what [Server.Serve] returns after Shutdown or Close.
var ErrServerClosed = errors.New("proxy: server closed")

// Server serves MQTT clients. Its contract is net/http's: Serve, Shutdown, Close.
type Server struct {
	policy     atomic.Pointer[Policy]
	revocation atomic.Pointer[Revocation] // nil: nothing was ever revoked
	relay      relay.Relay
	log        *slog.Logger
	// observer is never nil.
	observer Observer

	handshakes *handshakes
	roster     *roster
	governor   *governor
	rates      *connectRates
	bans       *bans
	wheel      *wheel
	lingerers  *lingerers
	sampler    *sampler
	lastConn   atomic.Uint64 // the log's conn
	began      time.Time
	starting   starting
	asking     atomic.Int64 // those that wait for the broker's answer while another address could be tried
	goroutines sync.WaitGroup

	// draining ends when the server begins to end: whoever is not relaying yet is refused.
	draining context.Context
	drain    context.CancelFunc
	// stopping is set when nobody is accepted any more: another process goes on with that.
	stopping atomic.Bool

	mu        sync.Mutex
	listeners map[io.Closer]struct{}
	closed    bool
}

// NewServer returns a server that serves nothing yet. It must be closed.
func NewServer(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	s := &Server{
		relay:      o.Relay,
		log:        o.Log,
		observer:   o.Observer,
		handshakes: newHandshakes(),
		roster:     newRoster(),
		governor:   newGovernor(),
		rates:      newConnectRates(),
		bans:       newBans(),
		wheel:      newWheel(),
		listeners:  map[io.Closer]struct{}{},
		began:      time.Now(),
		starting:   starting{asked: map[*session]func(relay.Link){}},
	}
	s.lingerers = newLingerers(s.wheel)
	s.SetPolicy(o.Policy)
	s.sampler = newSampler(s.log, s.wheel, s.goroutines.Go)
	s.draining, s.drain = context.WithCancel(context.Background())
	s.goroutines.Go(s.wheel.run)
	return s
}
