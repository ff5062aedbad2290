package relay

// order is what somebody wants of a circuit.
type order struct {
	c        *circuit
	farewell *Farewell
	kill     Cause
	begin    bool   // something was read already that no socket will tell of: TLS may hold it, or
	early    []byte // it is here, and was the upstream's
}

// post leaves an order for the loop. One that has ended takes none: its poller's descriptors are
// somebody else's by then.
func (l *loop) post(o order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.inbox = append(l.inbox, o)
	if len(l.inbox) == 1 && !l.awake {
		l.driver.wake()
	}
}

// goOn lets c go on after others had their turn.
func (l *loop) goOn(c *circuit) {
	if !c.again {
		c.again = true
		l.going = append(l.going, c)
	}
}

func (l *loop) carryOut(orders []order) {
	for _, o := range orders {
		switch {
		case o.begin:
			o.c.begin(o.early)
		case o.farewell != nil:
			o.c.end(o.farewell)
		default:
			o.c.kill(o.kill)
		}
		l.driver.rest(o.c)
	}
}

// begin has the sockets watched, and takes what was read already.
func (c *circuit) begin(early []byte) {
	if c.over {
		return
	}
	// Watched first: what TLS has may find no room, and room is told of what is watched only.
	if err := c.loop.driver.watch(c.watches()); err != nil {
		c.kill(causes[client].reset)
	}
	if len(early) > 0 && !c.over {
		c.forward(upstream, early)
	}
	for k := range c.sides {
		if c.sides[k].tls != nil && !c.over {
			c.decrypt(k, nil, false)
		}
	}
}

// continueGoing gives those that had to stop for others their next turn.
func (l *loop) continueGoing() {
	n := len(l.going)
	for i := range n {
		c := l.going[i]
		c.again = false
		for k := range c.sides {
			if !c.over {
				c.pump(k)
			}
		}
		l.driver.rest(c)
	}
	l.going = append(l.going[:0], l.going[n:]...)
}

// lookAfterParting looks at the sessions that are ending, now and then.
func (l *loop) lookAfterParting() {
	if len(l.parting) == 0 {
		return
	}
	if l.clock.Sub(l.looked) < watchInterval {
		return
	}
	l.looked = l.clock
	for _, c := range l.parting {
		if !c.over {
			c.look(l.clock)
			l.driver.rest(c)
		}
	}
	left := l.parting[:0]
	for _, c := range l.parting {
		if !c.over {
			left = append(left, c)
		}
	}
	clear(l.parting[len(left):])
	l.parting = left
}
