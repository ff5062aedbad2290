package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Why a slow hash was not computed. The first three pass: the client should come again.
var (
	errQueueFull = errors.New("the hash queue is full")
	errGaveUp    = errors.New("the hash was not computed within auth_timeout")
	errClosed    = errors.New("the users were replaced")
	errPanicked  = errors.New("the hash could not be computed")
)

// pool computes slow hashes: a few at once, on threads that yield to all others, and the
// rest in a queue of bounded length.
type pool struct {
	log     *slog.Logger
	jobs    chan *job
	quit    chan struct{}
	workers sync.WaitGroup

	// mu orders submit before or after close, so that no job is left in the queue.
	mu     sync.RWMutex
	closed bool
}

// job is one password to be checked. Who takes it out of the queue wipes the password.
type job struct {
	ctx      context.Context
	hash     Hash
	password []byte
	done     chan outcome // holds one, so that the worker never waits
}

type outcome struct {
	ok  bool
	err error
}

// newPool starts the workers.
func newPool(workers, queue int, log *slog.Logger) *pool {
	p := &pool{log: log, jobs: make(chan *job, queue), quit: make(chan struct{})}
	for range workers {
		p.workers.Add(1)
		go onOwnThread(func() {
			defer p.workers.Done()
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
	for {
		select {
		case <-p.quit:
			return
		case j := <-p.jobs:
			p.do(j)
		}
	}
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
		j.done <- out
	}()
	if j.ctx.Err() != nil {
		out.err = errGaveUp
		return
	}
	out.ok, out.err = j.hash.verify(j.password)
}

// verify has a worker compute h.verify(password), and waits for it no longer than ctx. The
// worker has a copy of the password: the caller's buffer is free when verify returns.
func (p *pool) verify(ctx context.Context, h Hash, password []byte) (bool, error) {
	if ctx.Err() != nil {
		return false, errGaveUp
	}
	j := &job{ctx: ctx, hash: h, password: append([]byte(nil), password...), done: make(chan outcome, 1)}
	if err := p.submit(j); err != nil {
		clear(j.password)
		return false, err
	}
	select {
	case out := <-j.done:
		return out.ok, out.err
	case <-ctx.Done():
		return false, errGaveUp
	case <-p.quit:
		return false, errClosed
	}
}

func (p *pool) submit(j *job) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return errClosed
	}
	select {
	case p.jobs <- j:
		return nil
	default:
		return errQueueFull
	}
}

// close stops the workers, waits for them, and wipes what was still queued.
func (p *pool) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.quit)
	}
	p.mu.Unlock()
	p.workers.Wait()
	for {
		select {
		case j := <-p.jobs:
			clear(j.password)
		default:
			return
		}
	}
}
