package daemon

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"mqttward/proxy"
)

// Run serves until a signal says to stop, and drains: SIGTERM and SIGINT end it in order, a
// second one at once; SIGHUP reloads the configuration. The listeners must be open. It returns
// nil when every session ended in time, [ErrForced] when some had to be cut, and any other
// error when a listener failed.
func (d *Daemon) Run(signals <-chan os.Signal) error {
	defer d.Close()
	ctx, cancel := context.WithCancel(context.Background())
	w := &work{daemon: d, ctx: ctx}
	defer w.end()
	defer cancel()
	g := d.generation()
	w.begin(g)
	d.log.Info("starting", "stages", g.stageNames(), "upstream", g.config.Upstream.Addresses,
		"max_connections", g.policy.Limits.MaxConnections, "max_handshakes", g.policy.Limits.MaxHandshakes)
	failed := make(chan error, len(d.listeners))
	for _, l := range d.listeners {
		d.log.Info("listening", "listener", l.Name, "address", l.Addr().String(), "tls", l.TLS != nil)
		w.background.Go(func() {
			if err := d.server.Serve(l); !errors.Is(err, proxy.ErrServerClosed) {
				failed <- err
			}
		})
	}
	// Serve returns once the server is closed, and must have before we wait for it.
	defer d.server.Close()
	for {
		select {
		case err := <-failed:
			return err
		case s := <-signals:
			if s == syscall.SIGHUP {
				w.reload()
				continue
			}
			return d.drain(s, signals)
		}
	}
}

// drain ends the sessions, over drain_timeout at most.
func (d *Daemon) drain(s os.Signal, signals <-chan os.Signal) error {
	conf := d.generation().config.Shutdown
	d.log.Info("shutting down", "signal", s.String(), "sessions", d.server.Sessions(), "drain_delay", conf.DrainDelay.String(), "drain_timeout", conf.DrainTimeout.String())
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	drained := make(chan struct{})
	defer close(drained)
	go func() {
		for {
			select {
			case <-drained:
				return
			case s := <-signals:
				if s != syscall.SIGHUP {
					d.log.Warn("a second signal: cutting what is left", "signal", s.String())
					cut()
					return
				}
			}
		}
	}()
	select {
	case <-time.After(conf.DrainDelay):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, conf.DrainTimeout)
	defer cancel()
	if err := d.server.Shutdown(ctx); err != nil {
		left := d.server.Sessions()
		d.server.Close()
		d.log.Warn("stopped, with sessions cut", "sessions", left)
		return ErrForced
	}
	d.log.Info("stopped")
	return nil
}
