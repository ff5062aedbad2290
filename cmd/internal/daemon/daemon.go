package daemon

import (
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/auth"
	"mqttward/cmd/internal/handover"
	"mqttward/cmd/internal/systemd"
	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/admin"
	"mqttward/proxy/relay"
)

// Options say what surrounds a [Daemon].
type Options struct {
	// Log gets everything that the daemon has to say. Nil means standard error, by the
	// configuration's level and format.
	Log *Logger
	// Load reads the configuration anew, on SIGHUP. Nil means that it can't be: SIGHUP says so.
	Load func() (*config.Config, error)
	// Inherited are sockets to take over, from systemd or from a process that this one follows. Nil
	// means that every listener is opened.
	Inherited *handover.Inherited
	// Program is what a successor is started from, on SIGUSR2. Nil means that there can't be one:
	// SIGUSR2 says so.
	Program *handover.Program
	// Notify tells the service manager. Nil means that there is none.
	Notify *systemd.Notifier
}

// Daemon is a mqttward that is ready to run, once.
type Daemon struct {
	log       *Logger
	load      func() (*config.Config, error)
	inherited *handover.Inherited
	program   *handover.Program
	notify    *systemd.Notifier
	server    *proxy.Server
	relay     relay.Relay
	listeners []proxy.Listener
	opened    []config.Listener // as the listeners are, whatever a reload says
	admin     *adminListener    // nil where there is none
	tls       []*listenerTLS    // in force, by listener; nil where it has none
	// processors is what the runtime uses: by the container's share, where it has one.
	processors int
	marker     *auth.Marker
	engine     string        // what serves the sessions
	why        string        // it is that one
	relayAs    config.Relay  // as it was asked for
	lookEvery  time.Duration // at files, where they are watched
	closing    sync.Once
	started    time.Time

	draining  atomic.Bool
	succeeded atomic.Bool // another process has taken over

	mu       sync.Mutex
	current  *generation
	reloaded admin.Reloads
}

// New builds the daemon that c describes, without opening a socket. The error is of type
// [Problems]. The daemon must be closed, also where it never ran.
func New(c *config.Config, o Options) (*Daemon, error) {
	if o.Log == nil {
		o.Log = NewLogger(c.Log, os.Stderr)
	}
	processors := runtime.GOMAXPROCS(0)
	recorder := newRecorder(c)
	marker := auth.NewMarker()
	g, err := newGeneration(c, generationOptions{log: o.Log, processors: processors, recorder: recorder, marker: marker})
	if err != nil {
		return nil, err
	}
	d := &Daemon{started: time.Now(), lookEvery: lookEvery, log: o.Log, load: o.Load, inherited: o.Inherited, program: o.Program, notify: o.Notify, processors: processors, marker: marker, current: g, opened: slices.Clone(c.Listeners), tls: slices.Clone(g.tls)}
	g.policy.TLS, g.lists = d.tlsByName()
	g.policy.ProxyProtocol = d.proxyProtocols()
	d.relay, d.engine, d.why, err = relay.New(relay.Options{Engine: string(c.Relay.Engine), Loops: c.Relay.Loops})
	if err != nil {
		g.close()
		return nil, Problems{c.Problem("relay.engine", "%v", err)}
	}
	d.relayAs = c.Relay
	d.server = proxy.NewServer(proxy.Options{Policy: g.policy, Relay: d.relay, Observer: observer(recorder), Log: o.Log.Logger})
	for _, l := range c.Listeners {
		d.listeners = append(d.listeners, proxy.Listener{Name: l.Name, Secure: l.TLS != nil})
	}
	d.openAdmin(c.Admin, recorder)
	return d, nil
}

// Warnings are what is allowed in the configuration and may still be a mistake.
func (d *Daemon) Warnings() []config.Problem { return d.generation().warnings }

// Lapsed is what was right in the configuration and is a fault by now, as its time is over: no client of
// some kind comes in. Whoever checks a configuration must not call it good. It keeps nothing from
// starting or being reloaded: all the rest is served, and it passes with a new file.
func (d *Daemon) Lapsed() []config.Problem { return d.generation().lapsed }

// generation returns what is in force.
func (d *Daemon) generation() *generation {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
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
		d.closeListeners()
		d.relay.Close()
		d.generation().close()
		d.notify.Close()
	})
}

// ErrForced is returned by [Daemon.Run] when sessions had to be cut.
var ErrForced = errors.New("not every session ended in time")
