package proxy

import (
	"time"

	"mqttward/proxy/socket"
)

// raise waits for c's first bytes without a goroutine. Whoever disturbs c meanwhile, by closing
// it or by a deadline, gives it one.
func (n *nursery) raise(c *connection, conn *socket.Conn) {
	n.mu.Lock()
	if last := len(n.free) - 1; last >= 0 {
		c.slot = n.free[last]
		n.free = n.free[:last]
		n.young[c.slot] = c
	} else {
		c.slot = uint32(len(n.young))
		n.young = append(n.young, c)
	}
	n.mu.Unlock()
	c.timer.owner = youth{n, c}
	n.srv.wheel.set(&c.timer, c.accepted.Add(c.policy.Limits.ConnectTimeout))
	conn.OnDisturb(func() { n.release(c) })
	// Whatever disturbed it before the line above was not heard.
	if conn.Watch(n.poller, socket.Token(c.slot+1)) != nil || n.srv.draining.Err() != nil {
		n.release(c)
	}
}

// youth is a young connection's time-out.
type youth struct {
	n *nursery
	c *connection
}

func (y youth) due(time.Time) { y.n.release(y.c) }

// release gives c a goroutine, in which it waits like any other, where it is young still.
func (n *nursery) release(c *connection) {
	if n.claim(c) {
		n.srv.goroutines.Go(c.serve)
	}
}

// claim takes c out of the nursery, and reports whether it was there.
func (n *nursery) claim(c *connection) bool {
	n.mu.Lock()
	mine := n.young[c.slot] == c
	if mine {
		n.young[c.slot] = nil
		n.free = append(n.free, c.slot)
	}
	n.mu.Unlock()
	if mine {
		n.srv.wheel.unset(&c.timer)
		c.socket.(*socket.Conn).OnDisturb(nil)
	}
	return mine
}
