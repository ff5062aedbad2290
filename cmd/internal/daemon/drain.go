package daemon

import (
	"context"
	"os"
	"time"

	"mqttward/proxy"
)

// drain ends the sessions, over drain_timeout at most. What other signals want is heard meanwhile:
// one more that stops cuts at once, and a reload is not for a process that ends.
func (d *Daemon) drain(s os.Signal, stops <-chan os.Signal, hangups <-chan struct{}) error {
	conf := d.generation().config.Shutdown
	d.draining.Store(true)
	d.log.Info("shutting down", "signal", s.String(), "sessions", d.server.Sessions(), "drain_delay", conf.DrainDelay.String(), "drain_timeout", conf.DrainTimeout.String())
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	go d.hearWhileDraining(ctx, cut, stops, hangups)
	select {
	case <-time.After(conf.DrainDelay):
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(ctx, conf.DrainTimeout)
	defer cancel()
	if err := d.server.Shutdown(ctx, proxy.Drain{Over: conf.DrainTimeout, Quiet: conf.DrainQuiet}); err != nil {
		left := d.server.Sessions()
		d.server.Close()
		d.log.Warn("stopped, with sessions cut", "sessions", left)
		return ErrForced
	}
	d.log.Info("stopped")
	return nil
}

// hearWhileDraining calls cut at a signal that stops, until ctx ends.
func (d *Daemon) hearWhileDraining(ctx context.Context, cut func(), stops <-chan os.Signal, hangups <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-stops:
			d.log.Warn("a second signal: cutting what is left", "signal", s.String())
			cut()
		case <-hangups:
			d.log.Warn("SIGHUP: not reloaded while shutting down")
		}
	}
}
