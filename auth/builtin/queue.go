package builtin

import (
	"context"
	"net/netip"
	"time"

	"mqttward/auth/fair"
)

// job is one password to be checked. Who takes it out of the queue wipes the password.
type job struct {
	fair.Place
	ctx      context.Context
	hash     Hash
	takes    time.Duration // hash's, as estimated
	password []byte
	proof    proof
	address  netip.Prefix
	done     chan outcome // holds one, so that nobody waits to send it
}

// outcome is what became of a job.
type outcome struct {
	ok  bool
	err error
}

// queue holds the jobs that wait, by turns of their addresses, and knows how much work they are.
// It is not safe for concurrent use.
type queue struct {
	jobs fair.Queue[*job]
	work time.Duration // of all that wait, as estimated
}

// push adds j.
func (q *queue) push(j *job) {
	q.jobs.Push(j.address, j)
	q.work += j.takes
}

// pop takes the next job out; there must be one.
func (q *queue) pop() *job {
	j := q.jobs.Pop()
	q.work -= j.takes
	return j
}

// remove takes j out, and reports whether it was in.
func (q *queue) remove(j *job) bool {
	if !q.jobs.Remove(j) {
		return false
	}
	q.work -= j.takes
	return true
}
