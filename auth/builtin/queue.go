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
// longer than its turn. Every operation takes the same time, however many wait. It is not safe for
// concurrent use.
type queue struct {
	waiting int
	work    time.Duration // of all that wait, as estimated
	lines   map[netip.Prefix]*line
	turns   list.List    // of *line: whose turn it is, next first
	byCount []*list.List // of *line, by how many jobs they have; 0 is not used
	most    int          // how many the longest line has
}

// line holds the jobs of one address, oldest first; never none.
type line struct {
	address netip.Prefix
	jobs    list.List     // of *job
	turn    *list.Element // in turns
	peer    *list.Element // in byCount
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
	q.counted(l, l.jobs.Len()-1)
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
	q.counted(l, l.jobs.Len()+1)
	q.waiting--
	q.work -= j.takes
	if l.jobs.Len() == 0 {
		q.turns.Remove(l.turn)
		delete(q.lines, l.address)
	}
	return true
}

// counted puts l among its peers, after it grew or shrank by one from before.
func (q *queue) counted(l *line, before int) {
	now := l.jobs.Len()
	if before > 0 {
		q.byCount[before].Remove(l.peer)
	}
	if now > 0 {
		for len(q.byCount) <= now {
			q.byCount = append(q.byCount, list.New())
		}
		l.peer = q.byCount[now].PushBack(l)
	}
	// Where the longest shrinks, it is still as long as any other with one less.
	if now > q.most || before == q.most && q.byCount[before].Len() == 0 {
		q.most = now
	}
}

// least returns the job that can be put off for one of the given address with the least
// injustice: the newest of the address that has most. It returns nil where the newcomer's
// address would have as many then: to trade one for another helps nobody.
func (q *queue) least(newcomer netip.Prefix) *job {
	has := 0
	if l := q.lines[newcomer]; l != nil {
		has = l.jobs.Len()
	}
	if has+1 >= q.most {
		return nil
	}
	return q.byCount[q.most].Front().Value.(*line).jobs.Back().Value.(*job)
}
