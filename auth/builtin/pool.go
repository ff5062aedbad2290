package builtin

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"mqttward/auth"
)

// Why a slow hash was not computed. All but the last pass: the client should come again.
var (
	errQueueFull = errors.New("the hash queue is full")
	errTooLate   = errors.New("the hash queue is too long for auth_timeout")
	errGaveUp    = errors.New("the hash was not computed within auth_timeout")
	errClosed    = errors.New("the users were replaced")
	errPanicked  = errors.New("the hash could not be computed")
)

// pool computes slow hashes: a few at once, on threads that yield to all others, and the
// rest in a queue of bounded length. What was found right goes into its proofs.
type pool struct {
	log     *slog.Logger
	workers int
	proofs  *proofs
	users   int // how many have a slow hash
	places  int // how many jobs may wait
	quit    chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	wake      sync.Cond // a job has come, or the pool closes
	queue     queue
	computing time.Duration // the work of the jobs that workers have, as estimated
	pace      float64       // how long hashes take, by what they were estimated to
	measured  int           // hashes that it was learnt from
	closed    bool
}

// newPool starts the workers.
func newPool(workers, queue int, proofs *proofs, users int, log *slog.Logger) *pool {
	p := &pool{
		log: log, workers: workers, places: queue, proofs: proofs, users: users,
		quit: make(chan struct{}), pace: 1,
	}
	p.wake.L = &p.mu
	for range workers {
		p.running.Add(1)
		go onOwnThread(func() {
			defer p.running.Done()
			if err := lowerPriority(); err != nil {
				p.log.Warn("hashing can't yield to relaying", "error", err)
			}
			p.work()
		})
	}
	return p
}

// work takes jobs until the pool closes.
func (p *pool) work() {
	for j := p.next(); j != nil; j = p.next() {
		p.do(j)
	}
}

// next waits for a job, and returns nil when the pool closes.
func (p *pool) next() *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.jobs.Len() == 0 && !p.closed {
		p.wake.Wait()
	}
	if p.closed {
		return nil
	}
	j := p.queue.pop()
	p.computing += j.takes
	return j
}

// do computes j, unless nobody waits for it any more.
func (p *pool) do(j *job) {
	var out outcome
	defer func() {
		if v := recover(); v != nil {
			// The value may quote the password.
			p.log.Error("a password hash panicked", "algorithm", j.hash.Algorithm(),
				"panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			out = outcome{err: errPanicked}
		}
		clear(j.password)
		p.ended(j)
		j.done <- out
	}()
	switch {
	case j.ctx.Err() != nil:
		out.err = errGaveUp
		return
	case p.proofs.has(j.proof, p.users): // a device that came twice
		out.ok = true
		return
	}
	begin := time.Now()
	out.ok, out.err = j.hash.verify(j.password)
	p.took(time.Since(begin), j.takes)
	// However long it took: the client that gave up will find it when it comes again. The
	// empty password is never right, whatever its hash.
	if out.ok && out.err == nil && len(j.password) > 0 {
		p.proofs.add(j.proof, p.users)
	}
}

// verify has a worker compute j, and waits for it no longer than j.ctx. The worker has a copy
// of the password: the caller's buffer is free when verify returns.
func (p *pool) verify(j *job) (bool, error) {
	if j.ctx.Err() != nil {
		return false, errGaveUp
	}
	j.password = append([]byte(nil), j.password...)
	j.done = make(chan outcome, 1)
	if err := p.submit(j); err != nil {
		clear(j.password)
		return false, err
	}
	auth.Queued(j.ctx)
	select {
	case out := <-j.done:
		return out.ok, out.err
	case <-j.ctx.Done():
		p.withdraw(j)
		return false, errGaveUp
	case <-p.quit:
		return false, errClosed
	}
}

// submit puts j into the queue. Where there is no place, the newest job of the address that
// has most gives way, if that leaves the two more alike.
func (p *pool) submit(j *job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	if err := p.room(j); err != nil {
		least := p.queue.jobs.GivesWay(j.address)
		if least == nil {
			return err
		}
		p.queue.remove(least)
		clear(least.password)
		least.done <- outcome{err: err}
	}
	p.queue.push(j)
	p.wake.Signal()
	return nil
}

// room says why j finds no place in the queue: there is none, or all that would then wait can't
// be expected to be done while j's client waits. Where nobody waits there always is room, so
// that no measurement is the last.
func (p *pool) room(j *job) error {
	if p.queue.jobs.Len() == 0 {
		return nil
	}
	if p.queue.jobs.Len() >= p.places {
		return errQueueFull
	}
	ahead := float64(p.queue.work+p.computing) / float64(p.workers)
	wait := p.pace * (ahead + float64(j.takes))
	if deadline, ok := j.ctx.Deadline(); ok && wait > sureShare*float64(time.Until(deadline)) {
		return errTooLate
	}
	return nil
}

// sureShare is how much of the time that is left may be expected to pass. Who would come last, and is
// refused at once, comes again sooner than who has waited for all of it in vain.
const sureShare = 0.9

// The pace is a moving average over as many hashes as the workers are estimated to do in
// paceMemory, and over no fewer than eight. They count by their number, not by the time that they
// took: of a storm's first second, in which everything else wants the processors and few hashes
// come to an end, little is left in it when that is over. While it is learnt, eight are enough. One
// hash counts for four times the average or the estimate at most: a thread that was held up is no
// measure.
const (
	paceMemory   = 2 * time.Second
	paceLearning = 16
	paceWeight   = 1. / 8 // of a hash, at most
	paceLeap     = 4
)

// took says how long a hash took, and how long it was estimated to.
func (p *pool) took(took, estimate time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pace := min(float64(took)/float64(estimate), paceLeap*max(p.pace, 1))
	weight := paceWeight
	if p.measured++; p.measured > paceLearning {
		weight = min(weight, float64(estimate)/float64(paceMemory)/float64(p.workers))
	}
	p.pace += weight * (pace - p.pace)
}

// ended says that a worker has done with j.
func (p *pool) ended(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.computing -= j.takes
}

// withdraw takes j out of the queue, if it is still there. A worker that has it wipes it.
func (p *pool) withdraw(j *job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue.remove(j) {
		clear(j.password)
	}
}

// close stops the workers, waits for them, and wipes what was still queued.
func (p *pool) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.quit)
		p.wake.Broadcast()
	}
	p.mu.Unlock()
	p.running.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.queue.jobs.Len() > 0 {
		clear(p.queue.pop().password)
	}
}
