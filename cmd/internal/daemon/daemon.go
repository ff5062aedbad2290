package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"

	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/relay"
)

// Options say what surrounds a [Daemon].
type Options struct {
	// Log gets everything that the daemon has to say. Nil means standard error, by the
	// configuration's level and format.
	Log *Logger
	// Load reads the configuration anew, on SIGHUP. Nil means that it can't be: SIGHUP says so.
	Load func() (*config.Config, error)
}

// Daemon is a mqttward that is ready to run, once.
type Daemon struct {
	log       *Logger
	load      func() (*config.Config, error)
	server    *proxy.Server
	relay     relay.Relay
	listeners []proxy.Listener
	opened    []config.Listener // as the listeners are, whatever a reload says
	tls       []*listenerTLS    // in force, by listener; nil where it has none
	// processors is what the runtime uses: by the container's share, where it has one.
	processors int
	engine     string       // what serves the sessions, and why
	relayAs    config.Relay // as it was asked for
	closing    sync.Once

	mu      sync.Mutex
	current *generation
}

// New builds the daemon that c describes, without opening a socket. The error is of type
// [Problems]. The daemon must be closed, also where it never ran.
func New(c *config.Config, o Options) (*Daemon, error) {
	if o.Log == nil {
		o.Log = NewLogger(c.Log, os.Stderr)
	}
	processors := runtime.GOMAXPROCS(0)
	g, err := newGeneration(c, o.Log, nil, processors)
	if err != nil {
		return nil, err
	}
	d := &Daemon{log: o.Log, load: o.Load, processors: processors, current: g, opened: c.Listeners, tls: slices.Clone(g.tls)}
	g.policy.TLS = d.tlsByName()
	var engine, why string
	d.relay, engine, why, err = relay.New(relay.Options{Engine: string(c.Relay.Engine), Loops: c.Relay.Loops})
	if err != nil {
		g.close()
		return nil, Problems{c.Problem("relay.engine", "%v", err)}
	}
	d.engine, d.relayAs = engine+": "+why, c.Relay
	d.server = proxy.NewServer(proxy.Options{Policy: g.policy, Relay: d.relay, Log: o.Log.Logger})
	for _, l := range c.Listeners {
		d.listeners = append(d.listeners, proxy.Listener{Name: l.Name, Secure: l.TLS != nil})
	}
	return d, nil
}

// Warnings are what is allowed in the configuration and may still be a mistake.
func (d *Daemon) Warnings() []config.Problem { return d.generation().warnings }

// generation returns what is in force.
func (d *Daemon) generation() *generation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

// Listen opens every listener. When one fails, none stays open.
func (d *Daemon) Listen(ctx context.Context) error {
	for i := range d.listeners {
		listen := proxy.Listen
		if d.opened[i].ReusePort {
			listen = proxy.ListenShared
		}
		l, err := listen(ctx, d.opened[i].Bind)
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
		d.server.Close()
		for _, l := range d.listeners {
			if l.Listener != nil {
				l.Close() // one that was opened and never served
			}
		}
		d.relay.Close()
		d.generation().close()
	})
}

// ErrForced is returned by [Daemon.Run] when sessions had to be cut.
var ErrForced = errors.New("not every session ended in time")
