package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"mqttward/proxy"
)

// Options say what a [Server] shows.
type Options struct {
	// Recorder has the counts. It must not be nil, and serves one server.
	Recorder *Recorder
	// State tells what is true right now. It is called for one request at a time. It must not be
	// nil.
	State func() State
	// Banned returns the addresses that are banned and wanted, those whose ban ends last first, and of
	// more than most these alone; see [proxy.Server.Banned]. It is called for one request at a time. Nil
	// means that nobody ever is.
	Banned func(most int, wanted func(proxy.Ban) bool) []proxy.Ban
	// NotReady says why no client should be sent here, in words; nothing where that is not so. It
	// is called by several goroutines at once, for whoever asks, and must be quick. It must not
	// be nil.
	NotReady func() []string
	// Notices say what else whoever asks whether we are ready must know, as NotReady does. Nil
	// means that there is nothing.
	Notices func() []string
	// Settings are those to begin with.
	Settings Settings
	// Log is told of faults. Nil means slog.Default().
	Log *slog.Logger
}

// Server answers those who want to know how the proxy is.
type Server struct {
	recorder *Recorder
	notReady func() []string
	notices  func() []string
	gate     atomic.Pointer[gate]
	http     *http.Server
	metrics  http.Handler

	looking sync.Mutex // held while state looks at every session, or banned at every ban
	state   func() State
	banned  func(most int, wanted func(proxy.Ban) bool) []proxy.Ban
}

const (
	// MaxConnections is how many may be open at once; a further one takes the place of the one that
	// is open longest and is not being answered.
	MaxConnections = 64
	// scrapesAtOnce bounds those that look at every session.
	scrapesAtOnce = 4
	// The times are generous for who asks, and short for who holds a connection for nothing.
	// A profile takes 30 s unless it is asked for another time.
	readTimeout, writeTimeout, idleTimeout = 5 * time.Second, time.Minute, time.Minute
	maxHeaderBytes                         = 16 << 10
	// closeTimeout is for how long answers that are under way are waited for.
	closeTimeout = time.Second
)

// New returns the server that o describes. It must be closed.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{recorder: o.Recorder, state: o.State, banned: o.Banned, notReady: o.NotReady, notices: o.Notices}
	if s.notices == nil {
		s.notices = func() []string { return nil }
	}
	if s.banned == nil {
		s.banned = func(int, func(proxy.Ban) bool) []proxy.Ban { return nil }
	}
	s.Set(o.Settings)
	register(o.Recorder, s.look)
	s.metrics = promhttp.HandlerFor(o.Recorder.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn), MaxRequestsInFlight: scrapesAtOnce,
	})
	s.http = &http.Server{
		Handler: s, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		ConnContext: withPlace,
	}
	return s
}

// look returns what is true right now.
func (s *Server) look() State {
	s.looking.Lock()
	defer s.looking.Unlock()
	return s.state()
}

// Set puts settings in force for every request that comes from now on.
func (s *Server) Set(settings Settings) { s.gate.Store(newGate(settings)) }

// Serve answers at l until Close, and closes l. It returns nil then.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(limit(l, MaxConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends serving. Answers that are under way get a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) == nil {
		return nil
	}
	return s.http.Close()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g, path := s.gate.Load(), r.URL.Path
	if !g.admit(w, r, path == "/healthz" || path == "/readyz") {
		return
	}
	defer answering(r.Context())()
	switch {
	case path == "/healthz":
		text(w, http.StatusOK, "ok\n")
	case path == "/readyz":
		s.serveReady(w)
	case path == "/metrics":
		s.metrics.ServeHTTP(w, r)
	case path == "/":
		http.Redirect(w, r, "/status", http.StatusFound)
	case path == "/status", path == "/status.json":
		s.serveStatus(w, r)
	case path == "/status.css":
		serveAsset(w, "status.css", "text/css")
	case path == "/status.js":
		serveAsset(w, "status.js", "text/javascript")
	case path == "/status.svg":
		serveAsset(w, "status.svg", "image/svg+xml")
	case g.pprof && strings.HasPrefix(path, "/debug/pprof/"):
		serveProfile(w, r)
	default:
		http.NotFound(w, r)
	}
}

// serveReady says whether clients should be sent here.
func (s *Server) serveReady(w http.ResponseWriter) {
	status, body := http.StatusOK, "ready\n"
	if why := s.notReady(); len(why) > 0 {
		status, body = http.StatusServiceUnavailable, "not ready: "+strings.Join(why, "; ")+"\n"
	}
	for _, notice := range s.notices() {
		body += notice + "\n"
	}
	text(w, status, body)
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // whoever asked is gone, where it fails
}

// serveProfile serves what package pprof has.
func serveProfile(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/debug/pprof/cmdline":
		pprof.Cmdline(w, r)
	case "/debug/pprof/profile":
		pprof.Profile(w, r)
	case "/debug/pprof/symbol":
		pprof.Symbol(w, r)
	case "/debug/pprof/trace":
		pprof.Trace(w, r)
	default:
		pprof.Index(w, r)
	}
}
