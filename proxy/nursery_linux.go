package proxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"mqttward/proxy/socket"
)

// nursery accepts the clients of one listener and waits for their first bytes, all on one
// goroutine, its leader. A connection whose CONNECT is there is served by the leader itself, from
// its first byte to the relay, as long as nothing has to be waited for: it then costs its system
// calls and no more. Where something has to be, the leader passes its part on to a new goroutine
// and goes on with that connection alone.
type nursery struct {
	srv      *Server
	listener *Listener
	socket   *socket.Listener
	poller   *socket.Poller
	ended    chan error // takes one

	// The leader's.
	events   []socket.Event // what has happened and was not dealt with yet
	knocking bool           // somebody may be there to be accepted
	placed   *socket.Conn   // accepted, and has no place yet
	notYet   time.Time      // when accepting, or placing, is worth another try; zero: now
	place    atomic.Bool    // a place was freed since
	backOff  time.Duration  // after an error
	first    [connectBufferSize]byte
	stopped  bool // the last that was accepted has a place

	mu     sync.Mutex
	young  []*connection // those that have sent nothing, by slot; nil: free
	free   []uint32
	closed bool // the poller is
}

// listenerToken names the listener to the poller; slot n is token n+1.
const listenerToken socket.Token = 0

// acceptTurn is how many are accepted before those that have come are looked at again.
const acceptTurn = 32

// newAcceptor returns what serves l.
func (s *Server) newAcceptor(l *Listener) (acceptor, error) {
	sl, ok := l.Listener.(*socket.Listener)
	if !ok {
		return netAcceptor{l, s}, nil
	}
	p, err := socket.NewPoller()
	if err != nil {
		return nil, err
	}
	n := &nursery{srv: s, listener: l, socket: sl, poller: p, ended: make(chan error, 1), backOff: acceptBackOffMin}
	if err := sl.Watch(p, listenerToken); err != nil {
		p.Close()
		return nil, err
	}
	return n, nil
}

// discard gives back what a nursery holds that nobody has led.
func (n *nursery) discard() {
	n.socket.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.poller.Close()
}

// serve leads until the listener is closed.
func (n *nursery) serve() error {
	n.srv.goroutines.Go(n.leads)
	return <-n.ended
}

// Close closes the listener. Those that are young stay so until they are disturbed.
func (n *nursery) Close() error {
	err := n.socket.Close()
	n.wake()
	return err
}

// wake has the leader look at everything.
func (n *nursery) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.closed {
		n.poller.Wake()
	}
}

// leads is the leader's goroutine. It ends when the leader's part was passed on, or is over.
func (n *nursery) leads() {
	for {
		for len(n.events) > 0 {
			e := n.events[0]
			n.events = n.events[1:]
			if !n.happened(e) {
				return
			}
		}
		for range acceptTurn {
			if !n.mayAccept() {
				break
			}
			if !n.acceptOne() {
				return
			}
		}
		n.seeStop()
		if n.srv.draining.Err() != nil {
			n.end(ErrServerClosed)
			return
		}
		n.events = append(n.events[:0], n.poller.Wait(n.timeout())...)
		if n.place.Swap(false) || !n.notYet.IsZero() && !time.Now().Before(n.notYet) {
			n.notYet = time.Time{}
		}
	}
}

// seeStop sees whether accepting is over: those that are young are served all the same.
func (n *nursery) seeStop() {
	if !n.srv.stopping.Load() || n.stopped {
		return
	}
	_ = n.socket.Close() // before we say so: whoever stops us closes it too, maybe later
	if n.placed == nil {
		n.stopped = true
		n.srv.roster.stopped()
	}
}

// end is the end of leading. The connection that has no place goes.
func (n *nursery) end(err error) {
	if !n.stopped {
		n.stopped = true
		n.srv.roster.stopped()
	}
	if n.placed != nil {
		n.placed.Close()
	}
	n.mu.Lock()
	n.closed = true
	n.poller.Close()
	n.mu.Unlock()
	n.ended <- err
}

func (n *nursery) mayAccept() bool {
	return (n.knocking || n.placed != nil) && n.notYet.IsZero() && n.srv.draining.Err() == nil
}

func (n *nursery) timeout() time.Duration {
	switch {
	case n.mayAccept():
		return 0
	case !n.notYet.IsZero():
		return max(0, time.Until(n.notYet))
	}
	return -1
}

// happened deals with an event, and reports whether this goroutine leads still.
func (n *nursery) happened(e socket.Event) bool {
	if e.Token == listenerToken {
		n.knocking = true
		return true
	}
	n.mu.Lock()
	c := n.young[e.Token-1]
	n.mu.Unlock()
	return c == nil || n.grown(c)
}

// grown serves c, which was young and has something to read, and reports whether this goroutine
// leads still. Whoever disturbs c once it is claimed does not give it a goroutine: it is ours.
// Before that, its bytes are not ours to read.
func (n *nursery) grown(c *connection) bool {
	if !n.claim(c) {
		return true
	}
	conn := c.socket.(*socket.Conn)
	conn.Unwatch(n.poller)
	m, err := conn.Receive(n.first[:])
	if errors.Is(err, syscall.EAGAIN) { // what happened was not for it
		n.srv.goroutines.Go(c.serve)
		return true
	}
	return n.begin(c, conn, m)
}

// acceptOne accepts a connection and begins with it, and reports whether this goroutine leads
// still.
func (n *nursery) acceptOne() bool {
	conn := n.placed
	if conn == nil {
		var err error
		if conn, err = n.socket.AcceptNow(); err != nil {
			return n.acceptFailed(err)
		}
		n.backOff = acceptBackOffMin
	}
	n.placed = nil
	hs, wait, closed := n.srv.handshakes.tryBegin(conn, n.placeFreed)
	switch {
	case closed:
		conn.Close()
		return true
	case hs == nil:
		// The kernel's backlog is the queue of those behind it.
		n.placed = conn
		n.notYet = time.Now().Add(wait)
		if wait < 0 {
			n.notYet = time.Now().Add(time.Hour)
		}
		return true
	}
	c := n.srv.newConnection(n.listener, conn, hs)
	if n.listener.Secure {
		n.srv.goroutines.Go(c.serve) // a handshake takes its time in any case
		return true
	}
	m, err := conn.Receive(n.first[:])
	if errors.Is(err, syscall.EAGAIN) {
		n.raise(c, conn)
		return true
	}
	return n.begin(c, conn, m)
}

// placeFreed is told when somebody gave a place back.
func (n *nursery) placeFreed() {
	n.place.Store(true)
	n.wake()
}

// acceptFailed deals with an error of accept, and reports whether this goroutine leads still.
func (n *nursery) acceptFailed(err error) bool {
	switch {
	case errors.Is(err, syscall.EAGAIN), n.srv.stopping.Load() && errors.Is(err, net.ErrClosed):
		n.knocking = false
	case errors.Is(err, syscall.ECONNABORTED):
	case n.srv.draining.Err() != nil:
	case errors.Is(err, net.ErrClosed):
		n.end(err)
		return false
	default:
		n.srv.log.Error("accept", "listener", n.listener.Name, "error", err, "retry_in", n.backOff.String())
		n.notYet = time.Now().Add(n.backOff)
		n.backOff = min(2*n.backOff, acceptBackOffMax)
	}
	return true
}

// begin serves c, whose first m bytes are there; an end or an error will be met again. It reports
// whether this goroutine leads still.
func (n *nursery) begin(c *connection, conn *socket.Conn, m int) bool {
	conn.Unread(n.first[:m])
	c.lead = n
	conn.OnWait(c.pass)
	c.serve()
	return c.lead != nil
}
