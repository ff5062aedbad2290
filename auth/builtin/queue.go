package builtin

import (
	"container/list"
	"context"
	"net/netip"
	"time"
)

// job is one password to be checked. Who takes it out of the queue wipes the password.
type job struct {
	ctx      context.Context
	hash     Hash
	takes    time.Duration // hash's, as estimated
	password []byte
	proof    proof
	address  netip.Prefix
	done     chan outcome // holds one, so that nobody waits to send it

	place *list.Element // in its address's line; nil while it is in none
}

// outcome is what became of a job.
type outcome struct {
	ok  bool
	err error
}

// queue holds the jobs that wait, a line for each address. The addresses take turns, one job
// each, so that one with many clients, or with one that floods, keeps nobody else waiting for
// longer than its turn. It is not safe for concurrent use.
type queue struct {
	waiting int
	work    time.Duration // of all that wait, as estimated
	lines   map[netip.Prefix]*line
	turns   list.List // of *line: whose turn it is, next first
}

// line holds the jobs of one address, oldest first; never none.
type line struct {
	address netip.Prefix
	jobs    list.List // of *job
	turn    *list.Element
}

// push adds j, behind all others of its address. An address that had none comes last.
func (q *queue) push(j *job) {
	if q.lines == nil {
		q.lines = map[netip.Prefix]*line{}
	}
	l := q.lines[j.address]
	if l == nil {
		l = &line{address: j.address}
		l.turn = q.turns.PushBack(l)
		q.lines[j.address] = l
	}
	j.place = l.jobs.PushBack(j)
	q.waiting++
	q.work += j.takes
}

// pop takes the next job out; there must be one. Its address has had its turn.
func (q *queue) pop() *job {
	l := q.turns.Front().Value.(*line)
	q.turns.MoveToBack(l.turn)
	j := l.jobs.Front().Value.(*job)
	q.remove(j)
	return j
}

// remove takes j out, and reports whether it was in.
func (q *queue) remove(j *job) bool {
	if j.place == nil {
		return false
	}
	l := q.lines[j.address]
	l.jobs.Remove(j.place)
	j.place = nil
	q.waiting--
	q.work -= j.takes
	if l.jobs.Len() == 0 {
		q.turns.Remove(l.turn)
		delete(q.lines, l.address)
	}
	return true
}

// least returns the job that can be put off for one of the given address with the least
// injustice: the newest of the address that has most. It returns nil where the newcomer's
// address would have as many then: to trade one for another helps nobody.
func (q *queue) least(newcomer netip.Prefix) *job {
	var busiest *line
	for e := q.turns.Front(); e != nil; e = e.Next() {
		if l := e.Value.(*line); busiest == nil || l.jobs.Len() > busiest.jobs.Len() {
			busiest = l
		}
	}
	has := 0
	if l := q.lines[newcomer]; l != nil {
		has = l.jobs.Len()
	}
	if busiest == nil || has+1 >= busiest.jobs.Len() {
		return nil
	}
	return busiest.jobs.Back().Value.(*job)
}
