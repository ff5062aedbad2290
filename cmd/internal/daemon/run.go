package daemon

import (
	"context"
	"errors"
	"os"

	"mqttward/proxy"
)

// Run serves until a signal says to stop, and drains: SIGTERM and SIGINT end it in order, a
// second one at once; SIGHUP reloads the configuration, as does a change of its files where they are
// watched, and SIGUSR2 starts a process that takes over. The listeners must be open. It returns
// nil when every session ended in time, [ErrForced] when some had to be cut, and any other
// error when a listener failed.
func (d *Daemon) Run(signals <-chan os.Signal) error {
	defer d.Close()
	ctx, cancel := context.WithCancel(context.Background())
	w := &work{daemon: d, ctx: ctx, prepared: make(chan prepared), watch: newWatch(d.lookEvery), upgraded: make(chan upgraded), giveUp: func() {}}
	defer w.end()
	defer cancel()
	defer d.admin.close() // whoever looks sees the end, too
	g := d.generation()
	w.begin(g)
	d.log.Info("starting", "stages", g.stageNames(), "upstream", g.config.Upstream.Addresses, "relay", d.engine+": "+d.why,
		"max_connections", g.policy.Limits.MaxConnections, "max_handshakes", g.policy.Limits.MaxHandshakes)
	w.background.Go(func() {
		tidy(ctx, func() (uint64, int) { return d.server.Accepted(), d.server.Sessions() })
	})
	w.background.Go(func() { d.showLife(ctx) })
	h := sortSignals(ctx, signals)
	if s, err := d.beReady(h); err != nil || s != nil {
		return err
	}
	failed := make(chan error, len(d.listeners)+1)
	d.admin.serve(w, failed)
	for _, l := range d.listeners {
		d.log.Info("listening", "listener", l.Name, "address", l.Addr().String(), "tls", l.Secure)
		w.background.Go(func() {
			if err := d.server.Serve(l); !errors.Is(err, proxy.ErrServerClosed) {
				failed <- err
			}
		})
	}
	// Serve returns once the server is closed, and must have before we wait for it.
	defer d.server.Close()
	d.serves()
	if d.load != nil {
		go w.watch.run(ctx) // not in background: a look at a file may never end
		w.follow(g.config.Files())
	}
	reloads, changes, upgrades := h.hangups, w.watch.changed, h.upgrades // nil while one is under way
	fetched := g.fetched()
	reread := false // since the upgrade began that is under way
	for {
		select {
		case err := <-failed:
			return err
		case s := <-h.stops:
			w.giveUp()
			return d.drain(s, h)
		case <-reloads:
			if d.load == nil {
				d.log.Warn("SIGHUP: there is no configuration file to be read again")
				continue
			}
			d.notify.Reloading()
			w.prepare()
			reloads, changes, reread = nil, nil, true
		case files := <-changes:
			d.log.Info("files have changed", "files", files)
			d.notify.Reloading()
			w.prepare()
			reloads, changes, reread = nil, nil, true
		case p := <-w.prepared:
			w.finish(p)
			d.notify.Ready(d.status())
			reloads, changes, fetched = h.hangups, w.watch.changed, d.generation().fetched()
		case <-fetched:
			d.revokeKeys(d.generation())
		case <-upgrades:
			if d.program == nil {
				d.log.Warn("SIGUSR2: there is no program to be started")
				continue
			}
			w.upgrade()
			upgrades, reread = nil, false
		case u := <-w.upgraded:
			if u.err == nil {
				if reloads == nil { // one is under way, of which nothing will be told any more
					d.notify.Ready(d.status())
				}
				return d.retire(u.successor, h, reread)
			}
			d.log.Error("upgrade: no new process, this one goes on", "error", u.err)
			upgrades = h.upgrades
		}
	}
}
