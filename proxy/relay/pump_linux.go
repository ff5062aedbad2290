package relay

import (
	"io"

	"golang.org/x/sys/unix"

	"mqttward/packets"
	"mqttward/proxy/socket"
)

// turnBytes is how much one direction carries before others have their turn.
const turnBytes = 256 << 10

// pump carries what side i has sent, until there is nothing more, the other side takes no
// more, or others are to have their turn.
func (c *circuit) pump(i int) {
	c.landed(i)
	s := &c.sides[i]
	for budget := turnBytes; !c.over; {
		if s.held != nil && !c.flush(i) || c.owesReplies(i) {
			if s.is(hung) {
				// Its end can't be read before the rest has passed, but the session has begun to end.
				c.part(causes[i].closed)
			}
			return
		}
		if s.is(drained) || !s.is(readable) {
			return
		}
		if budget <= 0 {
			c.loop.goOn(c)
			return
		}
		if c.spliceable(i) {
			budget -= c.splice(i)
		} else {
			budget -= c.read(i)
		}
	}
}

// mostHeld is what a direction holds at most, in bytes, before a side that is owed answers of TLS
// is no longer read. What was read of the other side once is less.
const mostHeld = 2 * (readSize + largestRoom)

// owesReplies reports whether side i does not take what TLS itself answers it. Key updates can be
// asked for without end.
func (c *circuit) owesReplies(i int) bool {
	return c.sides[i].tls != nil && c.sides[1-i].held.len() > mostHeld
}

// read reads once and passes it on, and returns how much that was.
func (c *circuit) read(i int) int {
	s := &c.sides[i]
	buf := c.loop.in
	if s.is(bulk) && !s.is(closing|sealed) {
		buf = buf[:bulkHeader] // the next packet's header; its body is spliced
	}
	n, errno := socket.Receive(int(s.fd), buf)
	switch {
	case n > 0:
		// With edges, what comes after a short read is a new one; an end that was told with
		// this edge is not.
		if n < len(buf) && !s.is(hung) {
			s.flags &^= readable
		}
		c.loop.filled = n == len(buf)
		c.received(i, buf[:n])
		c.loop.filled = false
		c.judgeBulk(i, n == len(buf))
	case errno == 0:
		c.endOfStream(i)
	case errno == unix.EAGAIN:
		s.flags &^= readable
	case errno != unix.EINTR:
		c.drain(i, errno)
	}
	return max(n, 1)
}

// received takes bytes as they came from side i's socket.
func (c *circuit) received(i int, p []byte) {
	if c.sides[i].tls == nil {
		c.forward(i, p)
		return
	}
	c.decrypt(i, p, false)
}

// decrypt feeds TLS and passes on what comes of it.
func (c *circuit) decrypt(i int, p []byte, ended bool) {
	n, reply, err := c.sides[i].tls.feed(p, ended, c.loop.plain, c.loop.cipher)
	c.loop.keepRoom(reply)
	if len(reply) > 0 {
		c.emit(i, reply)
	}
	if n > 0 {
		c.forward(i, c.loop.plain[:n])
	}
	switch {
	case err == io.EOF:
		c.drain(i, nil)
	case err != nil:
		c.drain(i, err)
	}
}

// endOfStream is called when side i's socket says that nothing more will come.
func (c *circuit) endOfStream(i int) {
	if c.sides[i].tls != nil {
		c.decrypt(i, nil, true)
		return
	}
	c.drain(i, nil)
}

// forward passes p, which side i has sent, on to the other side, up to the last packet where
// there is one. Bytes after the end of a direction are dropped: both sides will close.
func (c *circuit) forward(i int, p []byte) {
	s := &c.sides[i]
	c.lastByte.Store(c.loop.now)
	scanned := i == upstream && c.scanner != nil && c.scanner.Feed(p)
	if !s.is(closing | sealed) {
		boundary := s.follow(p)
		if boundary >= 0 {
			c.loop.filled = false // whole packets do not wait for what may not be there yet
		}
		last := c.lastPacket(i)
		insert := len(last) > 0 && boundary >= 0
		if insert {
			p = p[:boundary]
		}
		if c.send(i, p) && insert {
			c.seal(i, last)
		}
	}
	if scanned {
		c.scanned()
	}
}

// scanned tells of the broker's CONNACK, which has passed.
func (c *circuit) scanned() {
	code, err := c.scanner.Code(), c.scanner.Err()
	c.connected = err == nil && code == packets.Success
	c.scanner = nil
	c.owner.Connack(code, err)
}
