package relay

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// readSize is what one read takes at most, and with it what a direction holds for a side that takes
	// nothing. Twice as much as a segment of the loopback interface holds: 64 KiB are a little more than
	// one, and leave a second one of some bytes.
	readSize = 126 << 10
	// largestRoom is what a record of TLS and its overhead may add to that.
	largestRoom = 32 << 10
)

// loop serves many circuits on one goroutine.
type loop struct {
	driver driver
	pipes  pipes
	filled bool // what is being passed on has filled its buffer: there is more to read
	// Shared by all circuits, and empty between two of them.
	in, plain, cipher []byte
	clock             time.Time  // as of the last wait
	now               int64      // the same in Unix nanoseconds
	going             []*circuit // those that have more to do at once
	parting           []*circuit // those that are ending; those that have ended are swept out
	looked            time.Time  // when these were last looked at
	done              chan struct{}
	sessions          atomic.Int32
	load              load // the engine's

	mu       sync.Mutex
	circuits []*circuit // by slot; nil: free
	free     []int32
	inbox    []order
	awake    bool // it looks into its inbox before it waits
	quit     bool
	closed   bool // the loop has ended
}

// newLoop starts a loop over what drive makes, which is made on the loop's own thread.
func newLoop(drive func(*loop) (driver, error)) (*loop, error) {
	l := &loop{
		done: make(chan struct{}),
		in:   make([]byte, readSize), plain: make([]byte, readSize+largestRoom),
	}
	started := make(chan error)
	go func() {
		defer close(l.done)
		// A ring belongs to one thread, which ends with it.
		runtime.LockOSThread()
		var err error
		if l.driver, err = drive(l); err == nil && !l.driver.direct() {
			l.load.clock = threadClock()
		}
		started <- err
		if err != nil {
			return
		}
		if l.driver.direct() {
			runtime.UnlockOSThread()
		}
		l.run()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return l, nil
}

// start serves c from now on, beginning with what was read of its upstream early. It may be called
// by any goroutine.
func (l *loop) start(c *circuit, early []byte) error {
	l.sessions.Add(1)
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		c.slot = l.free[n-1]
		l.free = l.free[:n-1]
		l.circuits[c.slot] = c
	} else {
		c.slot = int32(len(l.circuits))
		l.circuits = append(l.circuits, c)
	}
	w := c.watches()
	// It is the loop that looks at what was read before.
	byLoop := len(early) > 0 || c.sides[client].tls != nil || c.sides[upstream].tls != nil || !l.driver.direct()
	l.mu.Unlock()
	if byLoop {
		l.post(order{c: c, begin: true, early: early})
		return nil
	}
	return l.driver.watch(w)
}

// remove forgets c, which is over.
func (l *loop) remove(c *circuit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.circuits[c.slot] = nil
	l.free = append(l.free, c.slot)
	l.sessions.Add(-1)
}

// keepRoom keeps what a buffer has grown to.
func (l *loop) keepRoom(used []byte) {
	if cap(used) > cap(l.cipher) {
		l.cipher = used[:0]
	}
}

// run serves until the loop is closed.
func (l *loop) run() {
	var (
		orders  []order
		touched []*circuit
		quit    bool
	)
	for {
		n := l.driver.wait(l.rest())
		l.clock = time.Now()
		l.now = l.clock.UnixNano()
		l.mu.Lock()
		l.awake = true
		orders, l.inbox = l.inbox, orders[:0]
		touched = touched[:0]
		for i := range n {
			touched = append(touched, l.inSlot(l.driver.slot(i)))
		}
		quit = l.quit
		l.mu.Unlock()
		// Orders first: what came after one must find it carried out.
		l.carryOut(orders)
		clear(orders)
		for i, c := range touched {
			if c != nil {
				l.driver.deal(i, c)
			}
		}
		l.continueGoing()
		l.lookAfterParting()
		if quit {
			l.end()
			return
		}
	}
}

// inSlot is the circuit in a place of the table, nil where there is none. The lock is held.
func (l *loop) inSlot(slot int) *circuit {
	if slot < 0 {
		return nil
	}
	return l.circuits[slot]
}

// rest lets the loop be woken, and returns how long it may wait for the next event.
func (l *loop) rest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.awake = len(l.inbox) > 0 || l.quit
	switch {
	case l.awake || len(l.going) > 0:
		return 0
	case len(l.parting) > 0:
		return max(0, watchInterval-l.clock.Sub(l.looked))
	}
	return -1
}

// happened deals with what side k's socket is ready for.
func (c *circuit) happened(k int, in, out, ended bool) {
	if c.over {
		return
	}
	s := &c.sides[k]
	if in && !s.is(standing) {
		s.flags |= readable
	}
	if ended {
		s.flags |= hung
	}
	if out {
		c.pump(1 - k)
	}
	c.pump(k) // which may have waited for the answers of TLS to be taken
}

// end closes what is left.
func (l *loop) end() {
	l.mu.Lock()
	l.closed = true
	rest := append([]*circuit(nil), l.circuits...)
	l.mu.Unlock()
	for _, c := range rest {
		if c != nil {
			c.kill(Forced)
		}
	}
	l.pipes.close()
	l.driver.close()
}

// close ends the loop and everything in it, and returns when that is done.
func (l *loop) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.quit = true
	l.mu.Unlock()
	l.driver.wake()
	<-l.done
}
