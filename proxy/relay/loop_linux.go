package relay

import (
	"sync"
	"sync/atomic"
	"time"

	"mqttward/proxy/socket"
)

const (
	// readSize is what one read takes at most.
	readSize = 64 << 10
	// largestRoom is what a record of TLS and its overhead may add to that.
	largestRoom = 32 << 10
)

// loop serves many circuits on one goroutine.
type loop struct {
	poller *socket.Poller
	pipes  pipes
	// Shared by all circuits, and empty between two of them.
	in, plain, cipher []byte
	now               int64      // Unix nanoseconds, as of the last wait
	going             []*circuit // those that have more to do at once
	parting           []*circuit // those that are ending; those that have ended are swept out
	looked            time.Time  // when these were last looked at
	done              chan struct{}
	sessions          atomic.Int32

	mu       sync.Mutex
	circuits []*circuit // by slot; nil: free
	free     []int32
	inbox    []order
	quit     bool
	closed   bool // the loop has ended
}

func newLoop() (*loop, error) {
	p, err := socket.NewPoller()
	if err != nil {
		return nil, err
	}
	l := &loop{
		poller: p, done: make(chan struct{}),
		in: make([]byte, readSize), plain: make([]byte, readSize+largestRoom),
	}
	go l.run()
	return l, nil
}

// start serves c from now on. It may be called by any goroutine.
func (l *loop) start(c *circuit) error {
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
	secure := c.sides[client].tls != nil || c.sides[upstream].tls != nil
	w := c.watches() // the loop may be at work on c as soon as one socket is watched
	l.mu.Unlock()
	if secure {
		l.post(order{c: c, begin: true})
		return nil
	}
	return w.begin(l.poller)
}

// watches are what a circuit wants the poller to watch.
type watches [2]struct {
	fd    int32
	token socket.Token
}

func (c *circuit) watches() (w watches) {
	for k := range c.sides {
		w[k].fd, w[k].token = c.sides[k].fd, c.token(k)
	}
	return w
}

func (w *watches) begin(p *socket.Poller) error {
	for _, s := range w {
		if err := p.Watch(int(s.fd), s.token, socket.ForInput); err != nil {
			return err
		}
	}
	return nil
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
	defer close(l.done)
	var (
		orders  []order
		touched []*circuit
		quit    bool
	)
	for {
		events := l.poller.Wait(l.timeout())
		l.now = time.Now().UnixNano()
		l.mu.Lock()
		orders, l.inbox = l.inbox, orders[:0]
		touched = touched[:0]
		for _, e := range events {
			touched = append(touched, l.circuits[e.Token>>1])
		}
		quit = l.quit
		l.mu.Unlock()
		// Orders first: what came after one must find it carried out.
		l.carryOut(orders)
		clear(orders)
		for i, e := range events {
			if c := touched[i]; c != nil {
				c.happened(e)
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

// timeout is how long the loop may wait for the next event.
func (l *loop) timeout() time.Duration {
	switch {
	case len(l.going) > 0:
		return 0
	case len(l.parting) > 0:
		return max(0, watchInterval-time.Since(l.looked))
	}
	return -1
}

// happened deals with an event.
func (c *circuit) happened(e socket.Event) {
	k := int(e.Token & 1)
	if c.over {
		return
	}
	if e.In {
		c.sides[k].flags |= readable
		if e.Ended {
			c.sides[k].flags |= hung
		}
	}
	if e.Out {
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
	l.poller.Close()
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
	l.poller.Wake()
	<-l.done
}
