package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"

	"mqttward/auth"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/relay"
)

// Options say what surrounds a [Daemon].
type Options struct {
	// Log gets everything that the daemon has to say. Nil means slog.Default().
	Log *slog.Logger
}

// Daemon is a mqttward that is ready to run, once.
type Daemon struct {
	config    *config.Config
	log       *slog.Logger
	warnings  []config.Problem
	builtin   *builtin.Stage // nil where there are no built-in users
	jwt       *jwt.Stage     // nil where there are no tokens
	server    *proxy.Server
	listeners []proxy.Listener
	closing   sync.Once
}

// Problems is the error of [New]: all faults that were found, each with its place.
type Problems []config.Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// builder collects what New finds.
type builder struct {
	config   *config.Config
	log      *slog.Logger
	faults   Problems
	warnings []config.Problem
}

func (b *builder) fault(key, format string, args ...any) {
	b.faults = append(b.faults, b.config.Problem(key, format, args...))
}

func (b *builder) warn(key, format string, args ...any) {
	b.warnings = append(b.warnings, b.config.Problem(key, format, args...))
}

// New builds the daemon that c describes, without opening a socket. The error is of type
// [Problems]. The daemon must be closed, also where it never ran.
func New(c *config.Config, o Options) (*Daemon, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &builder{config: c, log: o.Log, warnings: c.Warnings()}
	d := &Daemon{config: c, log: o.Log}

	listenerTLS := b.listenersTLS()
	pool := b.upstream()
	credentials := b.credentials()
	d.jwt = b.tokens(credentials.UserName)
	limits := b.limits()
	d.builtin = b.users(limits.MaxHandshakes)
	if len(b.faults) > 0 {
		d.Close()
		b.byPlace(b.faults)
		return nil, b.faults
	}
	chain, err := auth.NewChain(auth.Options{
		Stages: d.stages(), AllowAnonymous: c.Auth.AllowAnonymous, Log: o.Log,
	})
	if err != nil { // config refuses it before
		d.Close()
		return nil, Problems{c.Problem("auth", "%v", err)}
	}
	d.server = proxy.NewServer(proxy.Options{
		Chain:       chain,
		Upstream:    pool,
		Relay:       relay.NewGoroutines(relay.GoroutineOptions{HalfCloseTimeout: c.Limits.HalfCloseTimeout}),
		Credentials: credentials,
		Refusals: proxy.RefusalOptions{
			Uniform:       c.Auth.RefusalCodes == config.RefusalUniform,
			ReasonStrings: c.Auth.ReasonStrings,
		},
		Expiry: expiry(c.Auth.JWT),
		Limits: limits,
		Log:    o.Log,
	})
	for i, l := range c.Listeners {
		d.listeners = append(d.listeners, proxy.Listener{Name: l.Name, TLS: listenerTLS[i]})
	}
	d.warnings = b.warnings
	b.byPlace(d.warnings)
	return d, nil
}

// byPlace sorts problems as they stand in the configuration; those without a line come after
// these, and those of the files that it names last.
func (b *builder) byPlace(problems []config.Problem) {
	own := b.config.Problem("", "").File
	rank := func(p config.Problem) int {
		switch {
		case p.File == own && p.Line > 0:
			return 0
		case p.File == own, strings.HasPrefix(p.File, "$"):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(problems, func(p, q config.Problem) int {
		return cmp.Or(cmp.Compare(rank(p), rank(q)), cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line))
	})
}

// stages are those that are configured, in the chain's order.
func (d *Daemon) stages() []auth.Authenticator {
	var stages []auth.Authenticator
	if d.builtin != nil {
		stages = append(stages, d.builtin)
	}
	if d.jwt != nil {
		stages = append(stages, d.jwt)
	}
	return stages
}

// expiry says what becomes of a session whose token expires.
func expiry(j *config.JWT) proxy.Expiry {
	if j == nil {
		return proxy.Expiry{}
	}
	return proxy.Expiry{Keep: !j.DisconnectAfterExpire, Jitter: j.ExpireJitter}
}

// Warnings are what is allowed and may still be a mistake.
func (d *Daemon) Warnings() []config.Problem { return d.warnings }

// Listen opens every listener. When one fails, none stays open.
func (d *Daemon) Listen(ctx context.Context) error {
	for i := range d.listeners {
		l, err := proxy.Listen(ctx, d.config.Listeners[i].Bind)
		if err != nil {
			for j := range i {
				d.listeners[j].Close()
				d.listeners[j].Listener = nil
			}
			return fmt.Errorf("listener %q: %w", d.listeners[i].Name, err)
		}
		d.listeners[i].Listener = l
	}
	return nil
}

// Addr returns the address of the listener called name, or nil where none is open.
func (d *Daemon) Addr(name string) net.Addr {
	for _, l := range d.listeners {
		if l.Name == name && l.Listener != nil {
			return l.Addr()
		}
	}
	return nil
}

// Close ends whatever is left of the daemon at once. Calling it again does nothing.
func (d *Daemon) Close() {
	d.closing.Do(func() {
		for _, l := range d.listeners {
			if l.Listener != nil {
				l.Close()
			}
		}
		if d.server != nil {
			d.server.Close()
		}
		if d.builtin != nil {
			d.builtin.Close()
		}
	})
}

// ErrForced is returned by [Daemon.Run] when sessions had to be cut.
var ErrForced = errors.New("not every session ended in time")

// leaveRoom gives relaying its processors back: slow password hashes run on niced threads,
// and each takes one of the runtime's places while it does. It returns what undoes it.
func (d *Daemon) leaveRoom() (undo func()) {
	if d.builtin == nil || d.builtin.SlowWorkers() == 0 {
		return func() {}
	}
	before := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + d.builtin.SlowWorkers())
	return func() { runtime.GOMAXPROCS(before) }
}
