package daemon

import (
	"context"
	"os"
	"time"

	"mqttward/config"
	"mqttward/proxy"
)

// endTime is more than it takes to end once drain_timeout is over.
const endTime = 10 * time.Second

// drain ends the sessions, over drain_timeout at most.
func (d *Daemon) drain(s os.Signal, h heard) error {
	conf := d.generation().config.Shutdown
	d.draining.Store(true)
	within := conf.DrainDelay + conf.DrainTimeout + endTime
	if limits := d.generation().config.Limits; d.inherited.PredecessorLives() {
		within += limits.ConnectTimeout + limits.AuthTimeout // it may just have begun to end
	}
	d.notify.Stopping(within, d.status())
	d.log.Info("shutting down", "signal", s.String(), "sessions", d.server.Sessions(), "drain_delay", conf.DrainDelay.String(), "drain_timeout", conf.DrainTimeout.String())
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	go d.hearWhileDraining(ctx, cut, h, hearing{hangup: func() { d.log.Warn("SIGHUP: not reloaded while shutting down") }})
	select {
	case <-time.After(conf.DrainDelay):
	case <-ctx.Done():
	}
	err := d.endSessions(ctx, conf)
	d.awaitPredecessor(ctx)
	return err
}

// endSessions ends what is left, and cuts it when drain_timeout is over, or ctx.
func (d *Daemon) endSessions(ctx context.Context, conf config.Shutdown) error {
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

// hearing says what becomes of signals to a process that ends.
type hearing struct {
	pass   int    // how many that stop are let pass: a manager that ends a service signals all of its processes
	hangup func() // what a hang-up does
}

// hearWhileDraining hears what else is wanted, until ctx ends: a signal that stops calls cut, and neither
// a reload nor an upgrade is for a process that ends.
func (d *Daemon) hearWhileDraining(ctx context.Context, cut func(), h heard, does hearing) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-h.stops:
			if does.pass--; does.pass >= 0 {
				d.log.Info("ending already: another signal cuts what is left", "signal", s.String())
				continue
			}
			d.log.Warn("a second signal: cutting what is left", "signal", s.String())
			cut()
		case <-h.hangups:
			does.hangup()
		case <-h.upgrades:
			d.log.Warn("SIGUSR2: not upgraded while shutting down")
		}
	}
}
