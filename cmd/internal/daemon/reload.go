package daemon

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttward/config"
	"mqttward/proxy"
)

// work is what goes on beside the server while the daemon runs: the fetching of keys, and the
// ends of generations that were replaced. The goroutine of Run owns it.
type work struct {
	daemon     *Daemon
	ctx        context.Context // ends with Run
	fetching   context.CancelFunc
	background sync.WaitGroup
}

// begin starts what g needs.
func (w *work) begin(g *generation) {
	// Slow password hashes run on niced threads, and each takes one of the runtime's places
	// while it does: relaying gets them back.
	runtime.GOMAXPROCS(w.daemon.processors + g.slowWorkers())
	ctx, cancel := context.WithCancel(w.ctx)
	w.fetching = cancel
	if g.jwt != nil {
		w.background.Go(func() { g.jwt.Run(ctx) })
	}
}

// end waits until nothing goes on any more. The context has ended.
func (w *work) end() {
	w.fetching()
	w.background.Wait()
	runtime.GOMAXPROCS(w.daemon.processors)
}

// reload reads the configuration anew, checks it whole, and puts it in force; on any fault the
// old one stays. Live sessions feel nothing.
func (w *work) reload() {
	d := w.daemon
	if d.load == nil {
		d.log.Warn("SIGHUP: there is no configuration file to be read again")
		return
	}
	old := d.generation()
	c, err := d.load()
	var g *generation
	if err == nil {
		g, err = newGeneration(c, d.log, old, d.processors)
	}
	if err != nil {
		for problem := range strings.Lines(err.Error()) {
			d.log.Error("configuration", "problem", strings.TrimSuffix(problem, "\n"))
		}
		d.log.Error("not reloaded: the old configuration stays in force")
		return
	}
	for _, warning := range g.warnings {
		d.log.Warn("configuration", "problem", warning.String())
	}
	d.swap(g)
	w.fetching()
	w.begin(g)
	w.retire(old)
	d.log.Info("reloaded")
}

// retire ends a generation when nobody can be judged by it any more.
func (w *work) retire(g *generation) {
	w.background.Go(func() {
		select {
		case <-time.After(g.config.Limits.ConnectTimeout + g.config.Limits.AuthTimeout):
		case <-w.ctx.Done():
		}
		g.close()
	})
}

// swap puts g in force.
func (d *Daemon) swap(g *generation) {
	d.mu.Lock()
	d.current = g
	d.mu.Unlock()
	d.log.Set(g.config.Log)
	d.server.SetPolicy(g.policy)
	for i, l := range d.listeners {
		d.swapListener(i, l, g)
	}
	for _, l := range g.config.Listeners {
		if !slices.ContainsFunc(d.opened, func(o config.Listener) bool { return o.Name == l.Name }) {
			d.log.Warn("a new listener wants a restart", "listener", l.Name)
		}
	}
}

// swapListener changes what of a listener can change while it is open, and tells what can't.
func (d *Daemon) swapListener(i int, l proxy.Listener, g *generation) {
	at := slices.IndexFunc(g.config.Listeners, func(c config.Listener) bool { return c.Name == l.Name })
	switch {
	case at < 0:
		d.log.Warn("the listener stays open: to close it wants a restart", "listener", l.Name)
	case g.config.Listeners[at].Bind != d.opened[i].Bind:
		d.log.Warn("a new bind address wants a restart", "listener", l.Name)
	case (g.tls[at] == nil) != (l.TLS == nil):
		d.log.Warn("to switch TLS on or off wants a restart", "listener", l.Name)
	case l.TLS != nil && g.tls[at].sum != d.tlsSums[i]:
		l.TLS.Set(g.tls[at].conf)
		d.tlsSums[i] = g.tls[at].sum
		d.log.Info("new TLS settings", "listener", l.Name)
	}
}
