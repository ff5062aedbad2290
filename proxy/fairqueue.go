package proxy

import (
	"container/list"
	"net/netip"
	"time"
)

// fairQueue holds clients that wait for something of which each gets one. It serves their
// addresses in turn, and an address's clients in the order in which they came. Every operation
// is O(1). It is not safe for concurrent use.
type fairQueue struct {
	addresses map[netip.Prefix]*waitingAddress
	turns     list.List    // of *waitingAddress: the first is served next
	ages      list.List    // of *waiter: the oldest is first
	byCount   []*list.List // of *waitingAddress, by how many of its clients wait; 0 is not used
	most      int          // how many clients of the busiest address wait
}

// waitingAddress is an address of which clients wait.
type waitingAddress struct {
	prefix netip.Prefix
	line   list.List     // of *waiter: the oldest is first
	turn   *list.Element // in turns
	peer   *list.Element // in byCount
}

// waiter is one client. It waits from push until it was returned by pop, or removed.
type waiter struct {
	since   time.Time
	done    func(error) // for the queue's owner to tell what came of it
	address *waitingAddress
	age     *list.Element // in ages; nil once it waits no more
	place   *list.Element // in its address's line
}

// len is how many wait.
func (q *fairQueue) len() int { return q.ages.Len() }

// of is how many clients of an address wait.
func (q *fairQueue) of(p netip.Prefix) int {
	if a := q.addresses[p]; a != nil {
		return a.line.Len()
	}
	return 0
}

// push adds a client that came later than all that wait. An address of which nobody waited is
// served after those of which somebody does.
func (q *fairQueue) push(p netip.Prefix, w *waiter) {
	a := q.addresses[p]
	if a == nil {
		if q.addresses == nil {
			q.addresses = map[netip.Prefix]*waitingAddress{}
		}
		a = &waitingAddress{prefix: p}
		a.turn = q.turns.PushBack(a)
		q.addresses[p] = a
	}
	w.address, w.age, w.place = a, q.ages.PushBack(w), a.line.PushBack(w)
	q.counted(a, a.line.Len()-1)
}

// pop removes and returns whose turn it is. Somebody must wait.
func (q *fairQueue) pop() *waiter {
	a := q.turns.Front().Value.(*waitingAddress)
	q.turns.MoveToBack(a.turn)
	w := a.line.Front().Value.(*waiter)
	q.remove(w)
	return w
}

// oldest returns who has waited longest, or nil where nobody waits.
func (q *fairQueue) oldest() *waiter {
	e := q.ages.Front()
	if e == nil {
		return nil
	}
	return e.Value.(*waiter)
}

// newestOfBusiest returns the client that came last of an address of which most wait. Somebody
// must wait.
func (q *fairQueue) newestOfBusiest() *waiter {
	a := q.byCount[q.most].Front().Value.(*waitingAddress)
	return a.line.Back().Value.(*waiter)
}

// remove takes w out, and reports whether it was still waiting.
func (q *fairQueue) remove(w *waiter) bool {
	if w.age == nil {
		return false
	}
	a := w.address
	q.ages.Remove(w.age)
	a.line.Remove(w.place)
	w.address, w.age, w.place = nil, nil, nil
	q.counted(a, a.line.Len()+1)
	if a.line.Len() == 0 {
		q.turns.Remove(a.turn)
		delete(q.addresses, a.prefix)
	}
	return true
}

// counted puts a among its peers, after its line grew or shrank by one from before.
func (q *fairQueue) counted(a *waitingAddress, before int) {
	now := a.line.Len()
	if before > 0 {
		q.byCount[before].Remove(a.peer)
	}
	if now > 0 {
		for len(q.byCount) <= now {
			q.byCount = append(q.byCount, list.New())
		}
		a.peer = q.byCount[now].PushFront(a)
	}
	// Where the busiest shrinks, it is still as busy as any other with one less.
	if now > q.most || before == q.most && q.byCount[before].Len() == 0 {
		q.most = now
	}
}
