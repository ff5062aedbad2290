package relay

import (
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/packets"
	"mqttward/proxy/socket"
)

// circuit is a session that an event loop serves: two sockets, and what flows between them. It
// belongs to its loop; what others may call goes through the loop's inbox. All that it is made
// of is here, a few hundred bytes, and none of it is a goroutine, a timer or a buffer.
type circuit struct {
	loop    *loop
	owner   Owner
	scanner *packets.ConnackScanner // nil once the broker has answered
	parting *parting                // nil until the session begins to end
	sides   [2]side

	lastByte  atomic.Int64 // Unix nanoseconds
	halfClose uint32       // milliseconds
	limit     uint32       // the client's Maximum Packet Size, 0: none
	slot      int32        // in the loop's table
	connected bool         // a successful CONNACK has passed down
	over      bool
	again     bool // it is in the loop's list of those that go on
}

// side is one socket, and the direction that begins at it.
type side struct {
	fd    int32
	flags sideFlags
	boundaries
	bytes atomic.Uint64 // that went on to the other side
	held  *held         // what was read here and the other side has not taken; nil: nothing
	tls   *secure       // nil: in clear
}

// The sides of a circuit.
const (
	client   = 0
	upstream = 1
)

type sideFlags uint16

const (
	readable  sideFlags = 1 << iota // there may be something to read
	hung                            // the stream's end or an error is behind what can be read
	drained                         // the stream is over: nothing more can be read
	asked                           // the direction is to end with its last packet
	closing                         // its last bytes are held, and what comes after them is dropped
	sealed                          // the direction has ended
	blocked                         // the socket is watched for room to write
	bulk                            // large packets are passing
	unspliced                       // the kernel can't splice here
)

func (s *side) is(f sideFlags) bool { return s.flags&f != 0 }

// causes are what a session ends with, by the side that began it.
var causes = [2]struct{ closed, reset Cause }{
	client:   {ClientClosed, ClientReset},
	upstream: {UpstreamClosed, UpstreamReset},
}

// turnBytes is how much one direction carries before others have their turn.
const turnBytes = 256 << 10

// pump carries what side i has sent, until there is nothing more, the other side takes no
// more, or others are to have their turn.
func (c *circuit) pump(i int) {
	s := &c.sides[i]
	for budget := turnBytes; !c.over; {
		if s.held != nil && !c.flush(i) {
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
		c.received(i, buf[:n])
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
	from := &c.sides[1-k]
	if from.is(sealed) {
		return false
	}
	if from.held == nil {
		n, errno := socket.Send(int(c.sides[k].fd), p)
		switch {
		case n == len(p):
			return true
		case errno != 0 && errno != unix.EAGAIN:
			c.unwritable(1 - k)
			return false
		}
		from.held = from.held.add(p[n:])
		c.awaitRoom(k)
		return true
	}
	from.held = from.held.add(p)
	return true
}

// awaitRoom has side k's socket watched for room to write.
func (c *circuit) awaitRoom(k int) {
	s := &c.sides[k]
	if s.is(blocked) {
		return
	}
	switch c.loop.poller.Change(int(s.fd), c.token(k), socket.ForRoom) {
	case nil:
		s.flags |= blocked
	case unix.ENOENT:
		// Whoever starts c is about to have it watched: see start.
		c.loop.goOn(c)
	default:
		// Nobody would tell when there is room. It can't be waited for.
		s.flags |= blocked
		c.loop.post(order{c: c, kill: causes[k].reset})
	}
}

// flush sends what is held of side i, and reports whether nothing is any more.
func (c *circuit) flush(i int) bool {
	s, o := &c.sides[i], &c.sides[1-i]
	errno := s.held.flush(o.fd)
	switch {
	case errno == unix.EAGAIN:
		c.awaitRoom(1 - i)
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
	s.flags |= sealed
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

// finish closes both sides once nothing can flow any more, and reports whether that is so. Both
// have been read to their ends, so that closing them ends our streams in order.
func (c *circuit) finish() bool {
	for i := range c.sides {
		if s := &c.sides[i]; !s.is(drained) || !s.is(sealed) {
			return false
		}
	}
	c.close()
	return true
}

// close closes both sides at once and tells the owner. Calling it again does nothing.
func (c *circuit) close() {
	if c.over {
		return
	}
	c.over = true
	for i := range c.sides {
		s := &c.sides[i]
		_ = socket.Close(int(s.fd))
		s.fd = -1
		if s.held != nil {
			s.held.release(c.loop)
			s.held = nil
		}
		s.tls = nil
	}
	c.loop.remove(c)
	c.owner.Ended(End{Stats: c.Stats(), Cause: c.parting.cause})
}

// token names side k of the circuit to the poller.
func (c *circuit) token(k int) socket.Token { return socket.Token(c.slot)<<1 | socket.Token(k) }

// Stats implements [Link].
func (c *circuit) Stats() Stats {
	return Stats{
		BytesUp:   c.sides[client].bytes.Load(),
		BytesDown: c.sides[upstream].bytes.Load(),
		LastByte:  time.Unix(0, c.lastByte.Load()),
	}
}
