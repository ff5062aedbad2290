package proxy

import (
	"container/list"
	"net/netip"
	"time"

	"mqttward/auth/fair"
)

// fairQueue holds clients that wait for something of which each gets one, by turns of their
// addresses, and knows who has waited longest. Every operation is O(1). It is not safe for
// concurrent use.
type fairQueue struct {
	turns fair.Queue[*waiter]
	ages  list.List // of *waiter: the oldest is first
}

// waiter is one client. It waits from push until it was returned by pop, or removed.
type waiter struct {
	fair.Place
	since time.Time
	done  func(error)   // for the queue's owner to tell what came of it
	age   *list.Element // in ages
}

// len is how many wait.
func (q *fairQueue) len() int { return q.turns.Len() }

// push adds a client that came later than all that wait.
func (q *fairQueue) push(p netip.Prefix, w *waiter) {
	w.age = q.ages.PushBack(w)
	q.turns.Push(p, w)
}

// pop removes and returns whose turn it is. Somebody must wait.
func (q *fairQueue) pop() *waiter {
	w := q.turns.Pop()
	q.ages.Remove(w.age)
	return w
}

// remove takes w out, and reports whether it was still waiting.
func (q *fairQueue) remove(w *waiter) bool {
	if !q.turns.Remove(w) {
		return false
	}
	q.ages.Remove(w.age)
	return true
}

// oldest returns who has waited longest, or nil where nobody waits.
func (q *fairQueue) oldest() *waiter {
	e := q.ages.Front()
	if e == nil {
		return nil
	}
	return e.Value.(*waiter)
}
