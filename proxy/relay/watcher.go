package relay

import "time"

const (
	// boundaryWait is how long a last packet waits for a packet boundary.
	boundaryWait = time.Second
	// settleTime is how long an ended session stays open after all of it was acknowledged,
	// so that a peer reads the last packet before it could see a reset.
	settleTime = time.Second
	// watchInterval is how often a session that ends is looked at.
	watchInterval = 100 * time.Millisecond
)

// watcher closes a session that has begun to end and does not finish by itself. There is
// one goroutine for each session that is ending, and none for those that are not.
type watcher struct {
	s    *session
	stop chan struct{} // closed when both pumps have left
}

// progress is what moves while a session still delivers something.
type progress struct {
	up, down             uint64
	toClient, toUpstream int
	sealed               bool // both directions
	ended                bool // from outside
}

func newWatcher(s *session) *watcher { return &watcher{s: s, stop: make(chan struct{})} }

func (w *watcher) run() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var (
		begun  = time.Now()
		before progress
		moved  = begun // when before was last different
		ended  time.Time
	)
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		now := w.look()
		if now != before {
			moved = time.Now()
			if now.ended && !before.ended {
				ended = moved
			}
			before = now
		}
		if now.ended && !now.sealed && time.Since(ended) >= boundaryWait {
			w.s.up.giveUp()
			w.s.down.giveUp()
		}
		if time.Since(moved) >= w.patience(now) {
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

// patience is how long the session may stay as p has it. Dropped bytes are no progress: a
// side that we no longer listen to can't keep a session open.
func (w *watcher) patience(p progress) time.Duration {
	if p.ended && p.sealed && p.toClient == 0 && p.toUpstream == 0 {
		return min(settleTime, w.s.halfClose)
	}
	return w.s.halfClose
}
