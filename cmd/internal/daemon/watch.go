package daemon

import (
	"context"
	"slices"
	"sync"
	"time"

	"mqttward/config"
)

// watch notices that files have changed, by looking at each once a second. Nothing tells of a change
// as surely: what the system would tell of (inotify and the like) it does not tell of on network
// file systems, nor of a file that a container mounts by itself, and a Kubernetes secret changes by a
// symbolic link two folders up. A look costs some microseconds a file.
//
// What was seen to change is told once it has stayed the same from one look to the next, so that a
// file is not read while somebody writes it, nor a certificate before its key.
type watch struct {
	every   time.Duration
	changed chan []string // their names, from time to time

	mu    sync.Mutex
	files []config.File // as they were read
	turn  int           // counts what was given to follow
}

const (
	// lookEvery is the time between two looks of a daemon.
	lookEvery = time.Second
	// settleWithin is how long files may go on changing. Then they are told all the same: one that
	// never rests must not hold up a certificate.
	settleWithin = 30 * time.Second
)

func newWatch(every time.Duration) *watch {
	return &watch{every: every, changed: make(chan []string, 1)}
}

// follow says which files to look at, as they were before they were read; none for no watch.
func (w *watch) follow(files []config.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files, w.turn = files, w.turn+1
}

// run looks until ctx ends, but for a look that does not: a file system that is gone may hold it.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	var u unrest
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		files, turn := w.files, w.turn
		w.mu.Unlock()
		names, now := u.look(files, turn)
		if len(names) == 0 {
			continue
		}
		w.mu.Lock()
		if w.turn == turn {
			w.files = now // told once
		}
		w.mu.Unlock()
		select {
		case w.changed <- names:
		default: // what was told last has not been heard: that will do
		}
	}
}

// unrest is what was seen of files that have changed and may still do so.
type unrest struct {
	turn  int
	seen  []config.File // at the last look; nil: all were as they had been read
	since time.Time
}

// look looks at files. It returns the names of those that have changed, once they rest, and what it
// saw.
func (u *unrest) look(files []config.File, turn int) (names []string, now []config.File) {
	if turn != u.turn {
		*u = unrest{turn: turn}
	}
	now = make([]config.File, len(files))
	for i, f := range files {
		if now[i] = config.LookAt(f.Path); !f.Same(now[i]) && !slices.Contains(names, f.Path) {
			names = append(names, f.Path)
		}
	}
	switch {
	case len(names) == 0:
		u.seen = nil
	case u.seen == nil:
		u.seen, u.since = now, time.Now()
		return nil, now
	case !slices.EqualFunc(now, u.seen, config.File.Same) && time.Since(u.since) < settleWithin:
		u.seen = now
		return nil, now
	default:
		u.seen = nil
	}
	return names, now
}
