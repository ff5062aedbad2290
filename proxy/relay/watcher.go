package relay

import "time"

// watcher closes a session that has begun to end and does not finish by itself. There is
// one goroutine for each session that is ending, and none for those that are not.
type watcher struct {
	s    *session
	stop chan struct{} // closed when both pumps have left
}

func newWatcher(s *session) *watcher { return &watcher{s: s, stop: make(chan struct{})} }

func (w *watcher) run() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	v := newVigil(time.Now(), w.s.halfClose)
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		giveUp, abort := v.look(time.Now(), w.look())
		if giveUp {
			w.s.up.giveUp()
			w.s.down.giveUp()
		}
		if abort {
			w.s.abort()
			return
		}
	}
}

// look takes the session's progress.
func (w *watcher) look() progress {
	s := w.s
	p := progress{
		up: s.up.bytes.Load(), down: s.down.bytes.Load(),
		toClient: s.down.dst.queued(), toUpstream: s.up.dst.queued(),
		sealed: s.up.sealed.Load() && s.down.sealed.Load(),
	}
	s.mu.Lock()
	p.ended = s.ended
	s.mu.Unlock()
	return p
}
