package proxy

import (
	"sync"
	"time"
)

const (
	// wheelTick is how exactly a wheel fires: never early, and this much late at most.
	wheelTick = 100 * time.Millisecond
	// wheelSlots times wheelTick is a revolution, 51.2 s: a timer that is further away is
	// looked at once each time round.
	wheelSlots = 512
)

// wheel is one hashed timing wheel for all sessions: setting and stopping a timer is O(1),
// and a session has no timer of the runtime's, and no goroutine, that waits for it.
//
// A timer whose time has no monotonic reading, such as a token's exp, fires by the wall
// clock: where that jumps, it fires within a revolution of when it should.
type wheel struct {
	mu    sync.Mutex
	slots [wheelSlots]timer // heads of circular lists
	at    int               // the slot of the last tick
	last  time.Time         // when that was
	count int
	wake  chan struct{} // of one: the wheel sleeps while it is empty
	stop  chan struct{}
}

// timer is one entry of a wheel, embedded in what it belongs to. The zero value is unset.
type timer struct {
	prev, next *timer
	when       time.Time
	owner      interface{ due(now time.Time) }
}

func newWheel() *wheel {
	w := &wheel{wake: make(chan struct{}, 1), stop: make(chan struct{}), last: time.Now()}
	for i := range w.slots {
		head := &w.slots[i]
		head.prev, head.next = head, head
	}
	return w
}

// set makes t fire at or soon after when; a time that has passed is the next tick. A timer
// that was set already is moved.
func (w *wheel) set(t *timer, when time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(t)
	t.when = when
	w.link(t, time.Now())
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// unset stops t. Its owner's due may be running already.
func (w *wheel) unset(t *timer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unlink(t)
}

func (w *wheel) link(t *timer, now time.Time) {
	left := min(t.when.Sub(now), wheelSlots*wheelTick) // of centuries nothing can be added to
	ahead := min(max(1, int((left+wheelTick-1)/wheelTick)), wheelSlots-1)
	head := &w.slots[(w.at+ahead)%wheelSlots]
	t.prev, t.next = head.prev, head
	head.prev.next, head.prev = t, t
	w.count++
}

func (w *wheel) unlink(t *timer) {
	if t.next == nil {
		return
	}
	t.prev.next, t.next.prev = t.next, t.prev
	t.prev, t.next = nil, nil
	w.count--
}

// close ends run.
func (w *wheel) close() { close(w.stop) }

// run turns the wheel until it is closed. Owners' due methods are called here, one after the
// other: they must not block.
func (w *wheel) run() {
	ticker := time.NewTicker(wheelTick)
	defer ticker.Stop()
	for {
		if w.empty() {
			ticker.Stop()
			select {
			case <-w.stop:
				return
			case <-w.wake:
			}
			w.begin(time.Now())
			ticker.Reset(wheelTick)
		}
		select {
		case <-w.stop:
			return
		case <-ticker.C:
			w.advance(time.Now())
		}
	}
}

// begin makes now the time of the current slot.
func (w *wheel) begin(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = now
}

// advance turns the wheel to where it should be at now. A ticker drops ticks that nobody took.
func (w *wheel) advance(now time.Time) {
	for range wheelSlots { // one revolution looks at every timer
		if now.Sub(w.last) < wheelTick {
			return
		}
		w.last = w.last.Add(wheelTick)
		w.tick(now)
	}
	w.begin(now)
}

func (w *wheel) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count == 0
}

// tick moves on by one slot, fires what is due in it, and puts the rest where it belongs now.
func (w *wheel) tick(now time.Time) {
	var due []*timer
	w.mu.Lock()
	w.at = (w.at + 1) % wheelSlots
	head := &w.slots[w.at]
	for t := head.next; t != head; {
		next := t.next
		w.unlink(t)
		if now.Before(t.when) {
			w.link(t, now)
		} else {
			due = append(due, t)
		}
		t = next
	}
	w.mu.Unlock()
	for _, t := range due {
		t.owner.due(now)
	}
}
