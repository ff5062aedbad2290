package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mqttward/cmd/internal/handover"
)

const (
	// upgradeTimeout is how long a successor may take until it is ready.
	upgradeTimeout = time.Minute
	// keysTimeout is how long a successor waits for its keys: less, so that it can say why.
	keysTimeout = 45 * time.Second
)

// upgraded is what came of an upgrade: the successor, or why there is none.
type upgraded struct {
	successor *handover.Successor
	err       error
}

// upgrade starts a successor, beside Run, and delivers what comes of it. It can be given up: then
// a successor that is not ready yet is ended at once, and one that is in order.
func (w *work) upgrade() {
	wanted, giveUp := context.WithCancel(w.ctx)
	w.giveUp = giveUp
	sockets, err := w.daemon.duplicates() // not beside Run, whose reloads change what listeners are
	w.background.Go(func() {
		defer giveUp()
		ctx, cancel := context.WithTimeoutCause(wanted, upgradeTimeout, fmt.Errorf("it was not ready within %v", upgradeTimeout))
		defer cancel()
		u := upgraded{err: err}
		if err == nil {
			u.successor, u.err = w.daemon.succeed(ctx, sockets)
		}
		if u.err != nil && ctx.Err() != nil {
			u.err = context.Cause(ctx)
		}
		select {
		case w.upgraded <- u:
		case <-wanted.Done():
			if u.err == nil {
				u.successor.Stop()
			}
		}
	})
}

// succeed starts a successor with our sockets, which it closes, and waits until it is ready.
func (d *Daemon) succeed(ctx context.Context, sockets []handover.Socket) (*handover.Successor, error) {
	s, err := handover.Start(*d.program, sockets, d.notify != nil)
	closeFiles(sockets)
	if err != nil {
		return nil, err
	}
	d.log.Info("upgrade: waiting for the new process", "new_pid", s.PID(), "program", d.program.Path)
	return s, s.Wait(ctx)
}

// retire ends the daemon after its successor has begun to serve. Nobody that we have accepted is
// lost: whoever is on the way becomes a session here, and then all sessions end as in a shutdown. Hang-ups
// go to the successor, which may have read what was there before them; reread says that one was heard already.
func (d *Daemon) retire(successor *handover.Successor, h heard, reread bool) error {
	g, pid := d.generation(), successor.PID()
	d.notify.MainPID(pid)
	d.succeeded.Store(true)
	d.draining.Store(true)
	d.log.Info("upgrade: the new process serves, this one ends", "new_pid", pid, "sessions", d.server.Sessions())
	d.admin.close()
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	if reread {
		note(h.hangups)
	}
	go d.hearWhileDraining(ctx, cut, h, hearing{pass: 1, hangup: func() {
		d.log.Info("SIGHUP: passed on to the new process", "new_pid", pid)
		successor.Reload()
	}})
	go d.outlive(ctx, cut, successor)
	settling, cancel := context.WithTimeout(ctx, g.config.Limits.ConnectTimeout+g.config.Limits.AuthTimeout)
	defer cancel()
	_ = d.server.StopAccepting(settling) // who is silent for so long is refused
	err := d.endSessions(ctx, g.config.Shutdown)
	d.awaitPredecessor(ctx)
	return err
}

// outlive sees to it that a successor which fails before we end is followed by another one: a manager
// starts the service again only when no process of it is left, so that we go at once.
func (d *Daemon) outlive(ctx context.Context, cut func(), next *handover.Successor) {
	select {
	case <-ctx.Done():
	case err := <-next.Ended():
		if err == nil {
			return // in order
		}
		d.log.Error("upgrade: the new process has ended", "new_pid", next.PID(), "error", err)
		if d.notify != nil {
			cut()
		}
	}
}

// predecessorInterval is how often it is looked whether the predecessor has gone.
const predecessorInterval = 50 * time.Millisecond

// awaitPredecessor returns when the process before this one has ended, which may drain longer than
// this one does, or when ctx ends: to a manager the end of its main process is the end of the
// service, and it signals once more what is left of it, which is cut then. How long that may take
// is the manager's to say; without one nobody waits.
func (d *Daemon) awaitPredecessor(ctx context.Context) {
	if d.notify == nil || !d.inherited.PredecessorLives() {
		return
	}
	d.log.Info("waiting for the end of the process before this one")
	for d.inherited.PredecessorLives() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(predecessorInterval):
		}
	}
	d.log.Info("the process before this one has ended")
}

// errNoKeys says that a successor can't judge whom the process before it could.
var errNoKeys = errors.New("the key set could not be had: the process before this one goes on")

// beReady waits, in a successor, until there is a key set where one is configured: the process
// before it has one, and goes on in the meantime. It reports what stopped the wait early, or nil.
func (d *Daemon) beReady(h heard) (os.Signal, error) {
	if !d.inherited.IsUpgrade() {
		return nil, nil
	}
	timeout := time.After(keysTimeout)
	for !d.generation().hasKeys() {
		select {
		case s := <-h.stops:
			return s, nil
		case <-timeout:
			return nil, errNoKeys
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil, nil
}

// hasKeys reports whether the key set is usable, where there has to be one.
func (g *generation) hasKeys() bool {
	if g.jwt == nil {
		return true
	}
	keys, ok := g.jwt.JWKSStatus()
	return !ok || keys.Usable
}

// serves tells whoever waits for it that every listener is served.
func (d *Daemon) serves() {
	if !d.inherited.IsUpgrade() {
		d.notify.Ready(d.status())
		return
	}
	// The manager hears of us from the process before us.
	if err := d.inherited.Ready(); err != nil {
		d.log.Warn("upgrade", "error", err)
		d.notify.Ready(d.status())
	}
}

// showLife gives the service manager signs of life, until ctx ends: as long as neither the server nor
// what is in force is stuck in a lock. The first is an interval away: a successor is heard only once
// the process before it has told of it.
func (d *Daemon) showLife(ctx context.Context) {
	interval := d.notify.Interval()
	if interval <= 0 {
		return
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if status := d.status(); !d.succeeded.Load() {
			d.notify.Alive(status)
		}
	}
}
