package proxy

import (
	"sync"
	"time"

	"mqttward/proxy/socket"
)

// lingerers are sockets of refused clients, which have their answer and the end of our stream.
// They are closed a moment later, with what came meanwhile read and dropped, so that the close
// does not reset the connection under the answer; nobody waits for them. It is safe for
// concurrent use.
type lingerers struct {
	wheel *wheel

	mu     sync.Mutex
	queue  []lingerer // oldest first
	timer  timer
	closed bool
	sink   []byte
}

// lingerer is one socket, and when it is closed.
type lingerer struct {
	fd   int
	when time.Time
}

func newLingerers(w *wheel) *lingerers {
	l := &lingerers{wheel: w, sink: make([]byte, refusalDrainBytes)}
	l.timer.owner = l
	return l
}

// take takes a refused client's socket, and reports whether it could. At most that many linger:
// the oldest goes first.
func (l *lingerers) take(c *connection, most int) bool {
	conn, ok := c.conn.(*socket.Conn) // not TLS, whose records would have to be read
	if !ok {
		return false
	}
	fd, ok := conn.Take()
	if !ok {
		return true // closed meanwhile
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.end(fd)
		return true
	}
	if len(l.queue) >= most {
		l.end(l.queue[0].fd)
		l.queue = l.queue[1:]
	}
	l.queue = append(l.queue, lingerer{fd, time.Now().Add(refusalDrainTime)})
	if len(l.queue) == 1 {
		l.wheel.set(&l.timer, l.queue[0].when)
	}
	return true
}

// end reads what has come, within bounds, and closes.
func (l *lingerers) end(fd int) {
	_, _ = socket.Receive(fd, l.sink)
	_ = socket.Close(fd)
}

// due closes those whose time has come. It is called by the wheel.
func (l *lingerers) due(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && !now.Before(l.queue[0].when) {
		l.end(l.queue[0].fd)
		l.queue = l.queue[1:]
	}
	if len(l.queue) > 0 {
		l.wheel.set(&l.timer, l.queue[0].when)
	} else {
		l.queue = nil
	}
}

// close closes all of them, now and later.
func (l *lingerers) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.queue {
		l.end(s.fd)
	}
	l.queue = nil
}
