package relay

import (
	"golang.org/x/sys/unix"

	"mqttward/proxy/socket"
)

// send sends p, which side i has sent, to the other side, encrypted where that is TLS, and
// reports whether the direction is still there.
func (c *circuit) send(i int, p []byte) bool {
	s, o := &c.sides[i], &c.sides[1-i]
	s.bytes.Store(s.bytes.Load() + uint64(len(p)))
	if o.tls != nil {
		out, err := o.tls.seal(p, c.loop.cipher)
		c.loop.keepRoom(out)
		if err != nil {
			c.unwritable(i)
			return false
		}
		p = out
	}
	return c.emit(1-i, p)
}

// emit writes p to side k's socket as it stands. What it does not take is held, as the other
// side's. It reports whether the direction is still there.
func (c *circuit) emit(k int, p []byte) bool {
	c.landed(1 - k)
	from := &c.sides[1-k]
	if from.is(broken) {
		c.unwritable(1 - k)
	}
	if from.is(sealed) {
		return false
	}
	if from.held == nil {
		n, errno := c.loop.driver.send(c, k, p)
		switch {
		case n == len(p):
			return true
		case errno != 0 && errno != unix.EAGAIN:
			c.unwritable(1 - k)
			return false
		}
		from.held = from.held.add(p[n:])
		c.loop.driver.awaitRoom(c, k)
		return true
	}
	from.held = from.held.add(p)
	return true
}

// sendNow writes p to side k's socket. Where more follows at once, the stream's end or the inside of a
// large packet, whose beginning is of no use alone, they share a segment.
func (c *circuit) sendNow(k int, p []byte) (int, unix.Errno) {
	if c.sides[k].tls == nil && (c.sides[1-k].is(hung) || c.loop.filled && c.spliceable(1-k)) {
		return socket.SendMore(int(c.sides[k].fd), p)
	}
	return socket.Send(int(c.sides[k].fd), p)
}

// landed has what was sent from side i tried, where it is still under way: what comes now must come
// behind it.
func (c *circuit) landed(i int) {
	if c.sides[i].is(queued) {
		c.loop.driver.settle()
	}
}

// flush sends what is held of side i, and reports whether nothing is any more.
func (c *circuit) flush(i int) bool {
	s, o := &c.sides[i], &c.sides[1-i]
	errno := s.held.flush(o.fd)
	switch {
	case errno == unix.EAGAIN:
		c.loop.driver.awaitRoom(c, 1-i)
		return false
	case errno != 0:
		c.unwritable(i)
		return true
	}
	s.held.release(c.loop)
	s.held = nil
	if s.is(closing) {
		c.sealNow(i)
	}
	return true
}

// unwritable ends the direction from side i, whose other side is gone. Side i is read on, and
// what it sends dropped: it must see our FIN and end its stream by itself, since a close with
// unread bytes would reset it, and destroy what has yet to be delivered to it.
func (c *circuit) unwritable(i int) {
	s := &c.sides[i]
	s.flags = s.flags&^broken | sealed
	if s.held != nil {
		s.held.release(c.loop)
		s.held = nil
	}
	c.part(causes[1-i].reset)
	c.finish()
}

// drain notes that side i's stream is over, and why: nil for an end in order. What it sent has
// been passed on, and the other side is told. A last packet that was asked for meanwhile still
// fits at a boundary: a broker may close at our FIN before anybody else came to write it.
func (c *circuit) drain(i int, err error) {
	s := &c.sides[i]
	s.flags = s.flags&^readable | drained
	cause := causes[i].closed
	if err != nil {
		cause = causes[i].reset
	}
	c.part(cause)
	if c.parting.cause == causes[i].closed {
		c.parting.cause = cause // it was not known yet when the end was seen coming
	}
	var last []byte
	if s.at() {
		last = c.lastPacket(i)
	}
	c.seal(i, last)
	c.finish()
}

// seal ends the direction from side i, with a last packet where there is one.
func (c *circuit) seal(i int, last []byte) {
	s, o := &c.sides[i], &c.sides[1-i]
	if s.is(closing | sealed) {
		return
	}
	if o.tls == nil {
		c.loop.driver.endFollows(c, 1-i)
	}
	c.landed(i)
	s.flags |= closing
	if o.tls == nil {
		if len(last) > 0 {
			c.emit(1-i, last)
		}
	} else {
		c.sealSecure(i, last)
	}
	if s.held == nil && !s.is(sealed) {
		c.sealNow(i)
	}
}

// sealSecure sends the last packet and TLS's own end to the other side of side i.
func (c *circuit) sealSecure(i int, last []byte) {
	o := &c.sides[1-i]
	if len(last) > 0 {
		out, err := o.tls.seal(last, c.loop.cipher)
		if err != nil || !c.emit(1-i, out) {
			return
		}
	}
	c.emit(1-i, o.tls.goodbye(c.loop.cipher))
}

// sealNow tells the other side of side i that nothing more will come.
func (c *circuit) sealNow(i int) {
	c.sides[i].flags |= sealed
	if !c.finish() {
		_ = socket.CloseWrite(int(c.sides[1-i].fd)) // what fails here fails because the peer is gone
	}
}
