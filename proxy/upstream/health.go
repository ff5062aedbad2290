package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// restMin and restMax bound how long an address that failed is left alone. The rest doubles
	// with each failure; then one client finds out whether the address is back.
	restMin = time.Second
	restMax = 30 * time.Second
	// easeTime is the longest that an address that is back takes to get its whole share of
	// clients; one that was away for less takes no longer than it was away.
	easeTime = 10 * time.Second
	// easeLeast is the part of its share that it gets at first.
	easeLeast = 0.1
)

// health is what is known of whether an address can be reached. Whoever only looks takes no lock.
type health struct {
	mu    sync.Mutex
	state atomic.Pointer[condition] // nil: it is well, and has its whole share
}

// condition is that of an address which is not simply well. It does not change.
type condition struct {
	since    time.Time     // it fails since then; zero: it is back
	failedAt time.Time     // the last try that failed, where it fails
	until    time.Time     // it rests until then
	rest     time.Duration // how long it rests this time
	trial    bool          // somebody finds out whether it is back: until then, at the latest
	by       *Pool         // whose checks fail: it rests until they don't; nil: none do
	back     time.Time     // since when it is back
	ease     time.Duration // how long it takes to get its whole share from then on
}

// standing is what may be asked of an address.
type standing uint8

const (
	well    standing = iota // it gets its share
	easing                  // it is back, and gets a part of it
	due                     // it has rested: one client may try
	resting                 // it is left alone, unless nobody else is there
)

// standing returns how an address stands in p, and which part of its share it gets.
func (h *health) standing(p *Pool, now func() time.Time) (standing, float64) {
	c := h.state.Load()
	if c == nil {
		return well, 1
	}
	at := now()
	switch {
	case c.since.IsZero() && at.Sub(c.back) >= c.ease:
		h.state.CompareAndSwap(c, nil)
		return well, 1
	case c.since.IsZero():
		return easing, easeLeast + (1-easeLeast)*float64(at.Sub(c.back))/float64(c.ease)
	case c.by == p && p != nil || at.Before(c.until):
		return resting, 0
	}
	return due, 1
}

// claim makes the caller the one who finds out whether an address that is due is back, and reports
// whether it is. Others leave the address alone for as long as that may take.
func (h *health) claim(now time.Time, d time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.state.Load()
	if c == nil || c.since.IsZero() {
		return true
	}
	if now.Before(c.until) {
		return false
	}
	next := *c
	next.until, next.trial = now.Add(d), true
	h.state.Store(&next)
	return true
}

// failed notes a try that did not reach the address, and reports whether it is the first. Of many
// that fail together, one counts.
func (h *health) failed(now time.Time) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.state.Load()
	next := condition{since: now, failedAt: now, rest: restMin}
	first = c == nil || c.since.IsZero()
	if !first {
		next = *c
		next.failedAt = now
		if c.by != nil || !c.trial && now.Before(c.until) {
			h.state.Store(&next)
			return false
		}
		next.trial, next.rest = false, min(2*c.rest, restMax)
	}
	next.until = now.Add(next.rest)
	h.state.Store(&next)
	return first
}

// reached notes that a client of p reached the address, and reports whether it had failed before.
// Where p's checks fail, to be reached is not enough.
func (h *health) reached(p *Pool) bool {
	if c := h.state.Load(); c == nil || c.since.IsZero() || c.by == p && p != nil {
		return false
	}
	return h.rise(time.Now())
}

// fall notes that p's checks fail, and reports whether nothing had failed before.
func (h *health) fall(p *Pool, now time.Time) (first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := condition{since: now, failedAt: now, until: now, rest: restMin, by: p}
	if c := h.state.Load(); c != nil && !c.since.IsZero() {
		next.since = c.since
		h.state.Store(&next)
		return false
	}
	h.state.Store(&next)
	return true
}

// rise notes that the address is back, and reports whether it had failed before.
func (h *health) rise(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.state.Load()
	if c == nil || c.since.IsZero() {
		return false
	}
	h.state.Store(&condition{back: now, ease: min(now.Sub(c.since), easeTime)})
	return true
}

// failedAt is when the last try failed; zero where it did not.
func (h *health) failedAt() time.Time {
	if c := h.state.Load(); c != nil {
		return c.failedAt
	}
	return time.Time{}
}
