package proxy

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxTurnWait is the longest that a client waits for its turn. Devices wait longer than
	// that for a CONNACK, and few of those that wait have given up when it comes.
	maxTurnWait = 2 * time.Second
	// turnsShare of max_handshakes is the most clients that wait, whatever the rate: each holds
	// a goroutine and its CONNECT, as a handshake does.
	turnsShare = 4
	// turnTick is the least time between two wake-ups: at a high rate several go at each.
	turnTick = time.Millisecond
	// turnSlack is how late a wake-up may come without making the rate lower than it should be.
	turnSlack = 10 * time.Millisecond
)

// Why a client gets no turn. The log has it beside the reason upstream_rate.
var (
	errTurnsFull = errors.New("too many wait for the upstream already")
	errTurnLate  = errors.New("its turn did not come in time")
	errGaveWay   = errors.New("it gave way to an address of which fewer wait for the upstream")
)

// governor decides when a client that was let in may be handed to the upstream. It has one
// timer and no goroutine. It is safe for concurrent use.
type governor struct {
	mu       sync.Mutex
	pace     pace    // its rate is 0 where there is no bound
	burst    float64 // at the full rate
	room     int     // how many may wait
	ready    float64 // how many may go now, as of then
	then     time.Time
	answered time.Time // when the upstream did last
	queue    fairQueue
	timer    *time.Timer
}

func newGovernor() *governor {
	g := &governor{}
	g.timer = time.AfterFunc(math.MaxInt64, g.wake)
	g.timer.Stop()
	return g
}

// limit sets the rate, and how many handshakes there may be. Those who wait stay where they
// are; with no rate they all go.
func (g *governor) limit(r UpstreamRate, maxHandshakes int) {
	if r.Burst == 0 {
		r.Burst = max(1, r.Connects/10)
	}
	g.mu.Lock()
	now := time.Now()
	if g.pace.rate == 0 || r.Connects == 0 {
		g.pace, g.ready, g.then, g.answered = pace{}, float64(r.Burst), now, time.Time{}
	} else {
		g.refill(now)
	}
	g.pace.rate, g.burst, g.room = float64(r.Connects), float64(r.Burst), maxHandshakes/turnsShare
	turns, late := g.settle(now)
	g.mu.Unlock()
	tell(turns, late)
}

// admit waits until a client of an address may be handed to the upstream. It returns the error
// of ctx once that has ended, and another one where the client's turn does not come in time.
func (g *governor) admit(ctx context.Context, address netip.Prefix) error {
	if g.pass() {
		return nil
	}
	decided := make(chan error, 1)
	w, err := g.enqueue(address, func(err error) { decided <- err })
	if w == nil {
		return err
	}
	select {
	case err = <-decided:
		return err
	case <-ctx.Done():
		g.withdraw(w)
		return ctx.Err()
	}
}

// pass reports whether a client may go right now. It has taken its turn then.
func (g *governor) pass() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.rate == 0 || g.passAt(time.Now())
}

func (g *governor) passAt(now time.Time) bool {
	g.refill(now)
	return g.queue.len() == 0 && g.take()
}

// enqueue asks for a client's turn, and never blocks. Where that is decided at once, it returns
// no waiter: the error says whether the client may go. Else done is called with it later, once,
// unless withdraw comes before: by whatever goroutine brought it about, so it must not block.
func (g *governor) enqueue(address netip.Prefix, done func(error)) (*waiter, error) {
	g.mu.Lock()
	now := time.Now()
	if g.pace.rate == 0 || g.passAt(now) {
		g.mu.Unlock()
		return nil, nil
	}
	var gaveWay *waiter
	if g.queue.len() >= g.capacity(now) {
		if gaveWay = g.queue.turns.GivesWay(address); gaveWay == nil {
			g.mu.Unlock()
			return nil, errTurnsFull
		}
		g.queue.remove(gaveWay)
	}
	w := &waiter{since: now, done: done}
	g.queue.push(address, w)
	if g.queue.len() == 1 { // else the timer is set already
		g.schedule(now)
	}
	g.mu.Unlock()
	if gaveWay != nil {
		gaveWay.done(errGaveWay)
	}
	return w, nil
}

// withdraw ends w's waiting. It reports false where that was over: done was called, or is about
// to be.
func (g *governor) withdraw(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	waited := g.queue.remove(w)
	if waited && g.queue.len() == 0 {
		g.timer.Stop()
	}
	return waited
}

// dialled tells what came of a client's turn: when its dial began, and how it ended. A dial
// that failed while others succeeded is no sign that the upstream is down.
func (g *governor) dialled(began time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pace.rate == 0 {
		return
	}
	now := time.Now()
	switch {
	case err == nil:
		g.answered = now
		if !g.pace.down {
			return
		}
		g.refill(now)
		g.pace.down, g.pace.back = false, now
	case g.pace.down || g.answered.After(began):
		return
	default:
		g.refill(now)
		g.pace.down = true
	}
	g.schedule(now)
}

// slow reports whether the upstream is or was down, and less than the full rate is in force.
func (g *governor) slow() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.rate > 0 && g.pace.slow(time.Now())
}

// refill counts who may go since the last time. The lock is held, as it is for what follows.
func (g *governor) refill(now time.Time) {
	rate := g.pace.at(now)
	most := max(1, g.burst*rate/g.pace.rate)
	if g.queue.len() > 0 {
		// What has become ready while somebody waits is not lost because a timer is late.
		most += rate * turnSlack.Seconds()
	}
	g.ready = min(g.ready+g.pace.between(g.then, now), most)
	g.then = now
}

// take takes one turn, if one is ready. What a rounded duration leaves short of it does not
// matter.
func (g *governor) take() bool {
	const rounding = 1e-6
	if g.ready < 1-rounding {
		return false
	}
	g.ready--
	return true
}

// capacity is how many may wait: those whose turn comes within maxTurnWait, if none of them
// gives up.
func (g *governor) capacity(now time.Time) int {
	return min(g.room, int(g.ready+g.pace.between(now, now.Add(maxTurnWait))))
}

// wake is called by the timer.
func (g *governor) wake() {
	g.mu.Lock()
	now := time.Now()
	if g.pace.rate > 0 {
		g.refill(now)
	}
	turns, late := g.settle(now)
	g.mu.Unlock()
	tell(turns, late)
}

// settle takes out of the queue who may go now, and then who has waited too long.
func (g *governor) settle(now time.Time) (turns, late []*waiter) {
	for g.queue.len() > 0 && (g.pace.rate == 0 || g.take()) {
		turns = append(turns, g.queue.pop())
	}
	for w := g.queue.oldest(); w != nil && now.Sub(w.since) >= maxTurnWait; w = g.queue.oldest() {
		g.queue.remove(w)
		late = append(late, w)
	}
	g.schedule(now)
	return turns, late
}

// tell tells those whose waiting is over. The lock is not held.
func tell(turns, late []*waiter) {
	for _, w := range turns {
		w.done(nil)
	}
	for _, w := range late {
		w.done(errTurnLate)
	}
}

// schedule sets the timer for the next turn, or for the end of the oldest's patience.
func (g *governor) schedule(now time.Time) {
	oldest := g.queue.oldest()
	if oldest == nil {
		g.timer.Stop()
		return
	}
	wait := min(g.pace.until(now, 1-g.ready), oldest.since.Add(maxTurnWait).Sub(now))
	g.timer.Reset(max(wait, turnTick))
}
