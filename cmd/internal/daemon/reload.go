package daemon

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/secure"
)

// work is what goes on beside the server while the daemon runs: the fetching of keys, and the
// ends of generations that were replaced. The goroutine of Run owns it.
type work struct {
	daemon     *Daemon
	ctx        context.Context // ends with Run
	fetching   context.CancelFunc
	prepared   chan prepared
	watch      *watch
	upgraded   chan upgraded
	giveUp     context.CancelFunc // ends an upgrade that is under way
	retired    []chan struct{}    // closed to end a generation early, oldest first
	background sync.WaitGroup
}

// begin starts what g needs.
func (w *work) begin(g *generation) {
	runtime.GOMAXPROCS(w.daemon.places(g))
	ctx, cancel := context.WithCancel(w.ctx)
	w.fetching = cancel
	if g.jwt != nil {
		w.background.Go(func() { g.jwt.Run(ctx) })
	}
	w.background.Go(func() { g.upstream.Run(ctx) })
}

// end waits until nothing goes on any more. The context has ended.
func (w *work) end() {
	w.fetching()
	w.background.Wait()
	runtime.GOMAXPROCS(w.daemon.processors)
}

// prepare reads the configuration anew and checks it whole, beside Run: however long that takes,
// signals are heard. What it made is delivered to Run, or ended where Run has.
func (w *work) prepare() {
	d, old := w.daemon, w.daemon.generation()
	go func() { // not in background: a file that never answers must not hold up the end
		c, err := d.load()
		var g *generation
		if err == nil {
			g, err = newGeneration(c, generationOptions{log: d.log, processors: d.processors, before: old, recorder: d.admin.recorderOrNone(), marker: d.marker})
		}
		select {
		case w.prepared <- prepared{g, err, filesOf(c, err)}:
		case <-w.ctx.Done():
			if g != nil {
				g.close()
			}
		}
	}()
}

// prepared is what came of a reload.
type prepared struct {
	generation *generation
	err        error
	files      []config.File // what was read for it, or would have been
}

// filesOf returns the files of a configuration, or of one that could not be read.
func filesOf(c *config.Config, err error) []config.File {
	var faulty *config.Errors
	switch {
	case c != nil:
		return c.Files()
	case errors.As(err, &faulty):
		return faulty.Files()
	}
	return nil
}

// follow has files watched, where the configuration in force says so.
func (w *work) follow(files []config.File) {
	if !w.daemon.generation().config.Reload.Watch {
		files = nil
	}
	w.watch.follow(files)
}

// finish puts a new generation in force, or says why there is none: then the old one stays.
// Live sessions feel nothing, but those that revoke_live ends.
func (w *work) finish(p prepared) {
	d, g := w.daemon, p.generation
	defer func() { w.follow(p.files) }() // by what is in force then
	if p.err != nil {
		d.noteFailed(strings.Split(p.err.Error(), "\n"))
		d.log.Faults(p.err)
		d.log.Error("not reloaded: the old configuration stays in force")
		return
	}
	for _, warning := range g.warnings {
		d.log.Warn("configuration", "problem", warning.String())
	}
	d.log.Faults(Problems(g.lapsed))
	old := d.generation()
	d.swap(g)
	d.noteReloaded()
	w.fetching()
	w.begin(g)
	w.retire(old)
	d.revoke(g)
	d.log.Info("reloaded")
}

// maxRetired is how many generations may wait for their last clients to be judged. Each may
// hold threads for hashing.
const maxRetired = 4

// retire ends a generation when nobody can be judged by it any more, or when there are too many:
// then its last clients are told to come again.
func (w *work) retire(g *generation) {
	now := make(chan struct{})
	if w.retired = append(w.retired, now); len(w.retired) > maxRetired {
		close(w.retired[0])
		w.retired = w.retired[1:]
	}
	w.background.Go(func() {
		select {
		case <-time.After(g.config.Limits.ConnectTimeout + g.config.Limits.AuthTimeout):
		case <-now:
		case <-w.ctx.Done():
		}
		g.close()
	})
}

// swap puts g in force.
func (d *Daemon) swap(g *generation) {
	for i := range d.listeners {
		d.swapListener(i, g)
	}
	for _, l := range g.config.Listeners {
		if !slices.ContainsFunc(d.opened, func(o config.Listener) bool { return o.Name == l.Name }) {
			d.log.Warn("a new listener wants a restart", "listener", l.Name)
		}
	}
	if d.relayAs != g.config.Relay {
		d.log.Warn("a new relay.engine or relay.loops wants a restart", "relay", d.engine)
	}
	d.swapAdmin(g.config.Admin)
	g.policy.TLS, g.lists = d.tlsByName()
	g.policy.ProxyProtocol = d.proxyProtocols()
	d.mu.Lock()
	d.current = g
	d.mu.Unlock()
	d.log.Set(g.config.Log)
	d.server.SetPolicy(g.policy)
}

// swapListener changes what of a listener can change while it is open, and tells what can't.
func (d *Daemon) swapListener(i int, g *generation) {
	name := d.listeners[i].Name
	at := slices.IndexFunc(g.config.Listeners, func(c config.Listener) bool { return c.Name == name })
	if at < 0 {
		d.log.Warn("the listener stays open, with the TLS that it has: to close it wants a restart", "listener", name)
		return
	}
	moved := g.config.Listeners[at].Bind != d.opened[i].Bind
	if moved {
		d.log.Warn("a new bind address wants a restart", "listener", name)
		d.keepEnforcing(name, g)
	}
	if g.config.Listeners[at].ReusePort != d.opened[i].ReusePort {
		d.log.Warn("to share a port or not wants a restart: it stays as it is", "listener", name)
	}
	d.swapProxyProtocol(i, g.config.Listeners[at], moved)
	switch {
	case (g.tls[at] == nil) != (d.tls[i] == nil):
		d.log.Warn("to switch TLS on or off wants a restart: it stays as it is", "listener", name)
	case d.tls[i] == nil || g.tls[at].sum == d.tls[i].sum:
	case moved && g.tls[at].asksLess(d.tls[i]):
		d.log.Warn("to ask less of clients' certificates beside a new bind address wants a restart: the TLS settings stay as they are", "listener", name)
	default:
		d.tls[i] = g.tls[at]
		d.log.Info("new TLS settings", "listener", name)
	}
}

// swapProxyProtocol changes what a listener's connections begin with, unless that is meant for
// another address than the one that is open: whoever can send a header there may not be who could here.
func (d *Daemon) swapProxyProtocol(i int, c config.Listener, moved bool) {
	o := &d.opened[i]
	if moved && (c.ProxyProtocol != o.ProxyProtocol || !slices.Equal(c.ProxyTrusted, o.ProxyTrusted)) {
		d.log.Warn("a new proxy_protocol beside a new bind address wants a restart: it stays as it is", "listener", o.Name)
		return
	}
	o.ProxyProtocol, o.ProxyTrusted = c.ProxyProtocol, c.ProxyTrusted
}

// keepEnforcing sees to it that a listener whose new address wants a restart enforces no less than
// it does: who may go unrefused at the address of the configuration may not at the one that is open.
func (d *Daemon) keepEnforcing(name string, g *generation) {
	if old := d.generation(); old.observed(name) < g.observed(name) {
		d.log.Warn("to enforce less beside a new bind address wants a restart: it enforces as before", "listener", name)
		if e, partly := old.policy.Enforcement[name]; partly {
			g.policy.Enforcement[name] = e
			return
		}
		delete(g.policy.Enforcement, name)
	}
}

// proxyModes are the values of proxy_protocol in a listener.
var proxyModes = map[config.ProxyProtocol]proxy.ProxyMode{
	config.ProxyOff:      proxy.ProxyOff,
	config.ProxyOptional: proxy.ProxyOptional,
	config.ProxyRequired: proxy.ProxyRequired,
}

// proxyProtocols is what connections begin with, as a policy wants it.
func (d *Daemon) proxyProtocols() map[string]proxy.ProxyProtocol {
	all := map[string]proxy.ProxyProtocol{}
	for _, l := range d.opened {
		all[l.Name] = proxy.ProxyProtocol{Mode: proxyModes[l.ProxyProtocol], Trusted: l.ProxyTrusted}
	}
	return all
}

// tlsByName is the TLS in force, as a policy wants it, and the lists of revoked certificates that
// are part of it.
func (d *Daemon) tlsByName() (map[string]proxy.TLS, map[string]*secure.Revocations) {
	all, lists := map[string]proxy.TLS{}, map[string]*secure.Revocations{}
	for i, t := range d.tls {
		if t == nil {
			continue
		}
		all[d.opened[i].Name] = proxy.TLS{Config: t.conf, Name: t.name}
		if t.revocations != nil {
			lists[d.opened[i].Name] = t.revocations
		}
	}
	return all, lists
}
