// Package fair has clients wait in turn: for a slow password hash, for the broker. The addresses that
// they come from take turns, one client each, so that one with many clients, or with one that floods,
// keeps nobody else waiting for longer than its turn; and where there is no more room, an address with
// more of them gives way to one with fewer.
package fair

import (
	"container/list"
	"net/netip"
)

// Queue holds what waits, a line for each address. Every operation takes the same time, however
// many wait. The zero value is empty. It is not safe for concurrent use.
type Queue[W waiter] struct {
	count   int
	lines   map[netip.Prefix]*line
	turns   list.List    // of *line: whose turn it is, next first
	byCount []*list.List // of *line, by how many wait in it; 0 is not used
	most    int          // how many wait in the longest line
}

// waiter is a pointer to what embeds a [Place].
type waiter interface {
	place() *Place
}

// Place is where in a [Queue] something waits that embeds it; the zero value is nowhere. What waits
// is in one queue at most, and must not be copied.
type Place struct {
	line *line
	at   *list.Element // in line
}

func (p *Place) place() *Place { return p }

// line is what waits of one address, oldest first; never nothing.
type line struct {
	address netip.Prefix
	waiters list.List     // of W
	turn    *list.Element // in turns
	peer    *list.Element // in byCount
}

// Len is how many wait.
func (q *Queue[W]) Len() int { return q.count }

// Push adds w, which waits nowhere, behind all others of its address. An address of which nobody
// waited comes last.
func (q *Queue[W]) Push(address netip.Prefix, w W) {
	l := q.lines[address]
	if l == nil {
		if q.lines == nil {
			q.lines = map[netip.Prefix]*line{}
		}
		l = &line{address: address}
		l.turn = q.turns.PushBack(l)
		q.lines[address] = l
	}
	*w.place() = Place{line: l, at: l.waiters.PushBack(w)}
	q.count++
	q.counted(l, l.waiters.Len()-1)
}

// Pop takes out whose turn it is; somebody must wait. Its address has had its turn.
func (q *Queue[W]) Pop() W {
	l := q.turns.Front().Value.(*line)
	q.turns.MoveToBack(l.turn)
	w := l.waiters.Front().Value.(W)
	q.Remove(w)
	return w
}

// Remove takes w out, and reports whether it was in.
func (q *Queue[W]) Remove(w W) bool {
	p := w.place()
	l := p.line
	if l == nil {
		return false
	}
	l.waiters.Remove(p.at)
	*p = Place{}
	q.count--
	q.counted(l, l.waiters.Len()+1)
	if l.waiters.Len() == 0 {
		q.turns.Remove(l.turn)
		delete(q.lines, l.address)
	}
	return true
}

// counted puts l among its peers, after it grew or shrank by one from before.
func (q *Queue[W]) counted(l *line, before int) {
	now := l.waiters.Len()
	if before > 0 {
		q.byCount[before].Remove(l.peer)
	}
	if now > 0 {
		for len(q.byCount) <= now {
			q.byCount = append(q.byCount, list.New())
		}
		l.peer = q.byCount[now].PushFront(l)
	}
	// Where the longest shrinks, it is still as long as any other with one less.
	if now > q.most || before == q.most && q.byCount[before].Len() == 0 {
		q.most = now
	}
}

// GivesWay returns who can be put off for a newcomer of the given address with the least injustice:
// the newest of the address of which most wait; of several such, that which came to have as many last.
// It returns nil where of the newcomer's address as many would wait then: to trade one for another
// helps nobody, and the two would push each other out for ever.
func (q *Queue[W]) GivesWay(newcomer netip.Prefix) W {
	has := 0
	if l := q.lines[newcomer]; l != nil {
		has = l.waiters.Len()
	}
	if has+1 >= q.most {
		var nobody W
		return nobody
	}
	return q.byCount[q.most].Front().Value.(*line).waiters.Back().Value.(W)
}
