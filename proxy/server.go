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
	wheel      *wheel
	sampler    sampler
	lastConn   atomic.Uint64 // the log's conn
	goroutines sync.WaitGroup

	// draining ends when the server begins to end: whoever is not relaying yet is refused.
	draining context.Context
	drain    context.CancelFunc

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{} // those that relay
	admitted  int                   // connections that count towards MaxConnections
	open      int                   // connections that are not closed yet
	empty     *sync.Cond            // open reached 0
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
		sessions:    map[*session]struct{}{},
	}
	s.handshakes = newHandshakes(s.limits.MaxHandshakes)
	s.sampler.init(s.log, s.wheel)
	s.draining, s.drain = context.WithCancel(context.Background())
	s.empty = sync.NewCond(&s.mu)
	s.goroutines.Go(s.wheel.run)
	return s
}

// Serve accepts clients from l until the server ends, and closes l. It returns
// [ErrServerClosed] then, and any other error only where l can't be used any more.
func (s *Server) Serve(l Listener) error {
	s.mu.Lock()
	if s.draining.Err() != nil {
		s.mu.Unlock()
		l.Close()
		return ErrServerClosed
	}
	s.listeners[l.Listener] = struct{}{}
	s.goroutines.Add(1)
	s.mu.Unlock()
	defer s.goroutines.Done()
	defer l.Close()
	return s.accept(l)
}

// acceptBackOff bounds the wait after an error of accept, such as no descriptor left.
const acceptBackOffMin, acceptBackOffMax = 5 * time.Millisecond, time.Second

func (s *Server) accept(l Listener) error {
	wait := acceptBackOffMin
	for {
		conn, err := l.Accept()
		switch {
		case s.draining.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.log.Error("accept", "listener", l.Name, "error", err, "retry_in", wait)
			select {
			case <-time.After(wait):
			case <-s.draining.Done():
				return ErrServerClosed
			}
			wait = min(2*wait, acceptBackOffMax)
			continue
		}
		wait = acceptBackOffMin
		conn.SetDeadline(time.Now().Add(s.limits.ConnectTimeout))
		hs := s.handshakes.begin(conn)
		if hs == nil {
			conn.Close()
			return ErrServerClosed
		}
		c := s.newConnection(&l, conn, hs)
		s.goroutines.Go(c.serve)
	}
}

// Shutdown closes the listeners, refuses whoever is not relaying yet with shutting_down, ends
// every session, MQTT 5.0 clients with DISCONNECT 0x8B where a packet boundary comes, and
// waits for all of them. When ctx ends first, its error is returned, and Close ends the rest.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, session := range s.beginDrain() {
		session.end(relay.Drained, serverShuttingDown)
	}
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		s.empty.Broadcast()
		s.mu.Unlock()
	})
	defer stop()
	s.mu.Lock()
	for s.open > 0 && ctx.Err() == nil {
		s.empty.Wait()
	}
	left := s.open
	s.mu.Unlock()
	if left > 0 {
		return ctx.Err()
	}
	return s.Close()
}

// Close ends everything at once, and returns when nothing is left of the server.
func (s *Server) Close() error {
	sessions := s.beginDrain()
	s.handshakes.each(func(c net.Conn) { c.Close() })
	for _, session := range sessions {
		session.kill(relay.Forced)
	}
	s.mu.Lock()
	for s.open > 0 {
		s.empty.Wait()
	}
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		s.wheel.close()
	}
	s.goroutines.Wait()
	s.sampler.flush()
	return nil
}

// silentGrace is how long a connection whose CONNECT is on its way may take to deliver it
// once the server is shutting down, so that it can be told.
const silentGrace = 250 * time.Millisecond

// beginDrain closes the listeners, sees to it that nobody else comes to relay, and returns
// the sessions that do.
func (s *Server) beginDrain() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drain()
	for l := range s.listeners {
		l.Close()
	}
	clear(s.listeners)
	s.handshakes.close(func(c net.Conn) { c.SetDeadline(time.Now().Add(silentGrace)) })
	sessions := make([]*session, 0, len(s.sessions))
	for session := range s.sessions {
		sessions = append(sessions, session)
	}
	return sessions
}

// enter counts a connection as open; leave ends that.
func (s *Server) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 {
		s.empty.Broadcast()
	}
}

// admit counts a client towards MaxConnections, if there is room; dismiss ends that.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limits.MaxConnections > 0 && s.admitted >= s.limits.MaxConnections {
		return false
	}
	s.admitted++
	return true
}

func (s *Server) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitted--
}

// register adds a session that is about to relay, unless the server is about to end.
func (s *Server) register(session *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Err() != nil {
		return false
	}
	s.sessions[session] = struct{}{}
	return true
}

func (s *Server) unregister(session *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, session)
}
