package relay

import (
	"golang.org/x/sys/unix"

	"mqttward/proxy/relay/uring"
)

// calmTurns is how often in a row a streaming direction must have had less than a buffer to say,
// before it is received into buffers again.
const calmTurns = 16

// requestFlags are what a side has under way, by the kind of request.
var requestFlags = [...]sideFlags{receipt: standing, input: polling, end: ending, room: blocked}

// ask notes that a request of side k is under way, and reports whether it is a new one.
func (d *ring) ask(c *circuit, k int, f sideFlags) bool {
	s := &c.sides[k]
	if s.is(f) {
		return false
	}
	s.flags |= f
	c.pending++
	return true
}

// rest has c hear of what it waits for. A side whose bytes are still held is not received from:
// what was received stands ready to be read when they have gone.
func (d *ring) rest(c *circuit) {
	if c.over {
		return
	}
	for i := range c.sides {
		s := &c.sides[i]
		fd := int(s.fd)
		switch {
		case s.is(drained):
			d.stop(c, i) // TLS may have ended above a socket that has not
		case s.held != nil || c.owesReplies(i):
			d.stop(c, i)
			if !s.is(hung) && d.ask(c, i, ending) {
				d.ring.Poll(fd, unix.POLLRDHUP, request(end, c, i))
			}
		case s.is(readable): // it goes on in a moment
		case s.is(streaming):
			if s.is(standing) {
				d.stop(c, i)
			} else if d.ask(c, i, polling) {
				d.ring.Poll(fd, unix.POLLIN|unix.POLLRDHUP, request(input, c, i))
			}
		case d.ask(c, i, standing):
			s.flags &^= stopped
			d.ring.Receive(fd, request(receipt, c, i))
		}
	}
}

// stop ends side i's standing receive. It is at its end when its last completion comes.
func (d *ring) stop(c *circuit, i int) {
	if s := &c.sides[i]; s.is(standing) && !s.is(stopped) {
		s.flags |= stopped
		d.ring.Cancel(request(receipt, c, i), toCancel)
	}
}

// leave implements driver. A request under way would keep its socket open, and one that the kernel
// has not been given would be made of whatever has the descriptor's number next.
func (d *ring) leave(c *circuit) {
	named := false
	for k := range c.sides {
		named = named || d.ring.Names(int(c.sides[k].fd))
		for kind, f := range requestFlags {
			if f != 0 && c.sides[k].is(f) {
				d.ring.Cancel(request(kind, c, k), toCancel)
			}
		}
	}
	if named {
		d.settle()
	}
}

// deal implements driver.
func (d *ring) deal(n int, c *circuit) {
	e := d.done[n]
	kind, k := int(e.Token&kindMask), int(e.Token>>sideShift&1)
	if !e.More {
		c.sides[k].flags &^= requestFlags[kind]
	}
	d.atHand = e.Buffer
	if !c.over {
		d.tell(c, kind, k, e)
	}
	if d.atHand != uring.None {
		d.back = append(d.back, d.atHand)
		d.atHand = uring.None
	}
	if e.More {
		return
	}
	// Only now: until then the slot is not anybody else's, whatever became of c.
	if c.pending--; c.over && c.pending == 0 {
		d.loop.remove(c)
	}
}

// tell tells c what has become of a request.
func (d *ring) tell(c *circuit, kind, k int, e uring.Completion) {
	ended := kind != receipt && e.N&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	switch kind {
	case receipt:
		d.received(c, k, e)
	case room:
		c.happened(k, false, true, ended)
	default: // a poll that was cancelled finds out for itself
		before := c.sides[k].bytes.Load()
		c.happened(k, true, false, ended)
		d.judgeCalm(&c.sides[k], c.sides[k].bytes.Load()-before)
	}
	d.rest(c)
}

// received takes what a standing receive has brought.
func (d *ring) received(c *circuit, i int, e uring.Completion) {
	s := &c.sides[i]
	switch {
	case s.is(drained):
	case e.N > 0:
		if e.N == d.ring.BufferSize() {
			s.flags |= streaming
			s.calm = 0
		}
		c.received(i, d.ring.Buffer(e.Buffer, e.N))
	case e.Errno == 0:
		c.endOfStream(i)
	case e.Errno != unix.ECANCELED && e.Errno != unix.ENOBUFS && e.Errno != unix.EAGAIN && e.Errno != unix.EINTR:
		c.drain(i, e.Errno) // it is told once
	}
	if !e.More && !c.over && !s.is(drained) {
		// It was stopped, or there was no buffer, or the kernel wants to be asked anew. What there is
		// meanwhile is read, into the loop's own buffer.
		s.flags |= readable
		c.pump(i)
	}
}

// judgeCalm notes how much a streaming side had to say this time.
func (d *ring) judgeCalm(s *side, n uint64) {
	switch {
	case n >= uint64(d.ring.BufferSize()):
		s.calm = 0
	case s.calm < calmTurns:
		s.calm++
	default:
		s.flags &^= streaming
	}
}
