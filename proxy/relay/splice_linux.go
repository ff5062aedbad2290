package relay

import (
	"golang.org/x/sys/unix"

	"mqttward/proxy/socket"
)

const (
	// spliceMin is how much of a packet must be left for splice(2) to be worth its calls.
	spliceMin = 16 << 10
	// bulkHeader is read at the beginning of a packet while large ones pass.
	bulkHeader = 2 << 10
	// pipeSize is what a pipe may take at once, in bytes.
	pipeSize = 256 << 10
	// sparePipes is how many pipes a loop keeps for later.
	sparePipes = 8
)

// pipe carries bytes from one socket to another without a copy.
type pipe struct{ r, w int32 }

// pipes are those that a loop has at hand. A session has one only while it holds something.
type pipes struct{ spare []*pipe }

// get returns an empty pipe, or nil where none is to be had.
func (p *pipes) get() *pipe {
	if n := len(p.spare); n > 0 {
		last := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return last
	}
	var fds [2]int
	if unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC) != nil {
		return nil
	}
	// A smaller one, where a limit has been reached, does as well.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize)
	return &pipe{int32(fds[0]), int32(fds[1])}
}

// put takes a pipe back. One that still holds something is closed.
func (p *pipes) put(used *pipe, full bool) {
	if full || len(p.spare) >= sparePipes {
		used.close()
		return
	}
	p.spare = append(p.spare, used)
}

func (p *pipes) close() {
	for _, spare := range p.spare {
		spare.close()
	}
	p.spare = nil
}

func (p *pipe) close() {
	unix.Close(int(p.r))
	unix.Close(int(p.w))
}

// judgeBulk notes whether large packets come from side i, so that the kernel may carry them alone.
// full says that the last read was.
func (c *circuit) judgeBulk(i int, full bool) {
	s := &c.sides[i]
	large := s.framer.Rest() >= spliceMin
	switch {
	case !large || s.is(unspliced) || s.tls != nil || c.sides[1-i].tls != nil:
		s.flags &^= bulk
	case full:
		s.flags |= bulk
	}
}

// spliceable reports whether what side i sends now is the inside of a large packet that the
// kernel can carry alone. The broker's CONNACK is looked at, and what is to be dropped is read.
func (c *circuit) spliceable(i int) bool {
	s := &c.sides[i]
	return s.is(bulk) && !s.is(closing|sealed|unspliced) && s.framer.Rest() >= spliceMin &&
		(i == client || c.scanner == nil)
}

// splice carries a part of one packet's body from side i to the other side, and returns how much
// that was, at least 1.
func (c *circuit) splice(i int) int {
	s, o := &c.sides[i], &c.sides[1-i]
	p := c.loop.pipes.get()
	if p == nil {
		s.flags |= unspliced
		return 1
	}
	n, errno := socket.Splice(int(s.fd), int(p.w), min(int(s.framer.Rest()), pipeSize))
	if n <= 0 {
		c.loop.pipes.put(p, false)
		switch errno {
		case 0:
			c.endOfStream(i)
		case unix.EAGAIN:
			s.flags &^= readable
		case unix.EINTR:
		case unix.EINVAL:
			s.flags |= unspliced
		default:
			c.drain(i, errno)
		}
		return 1
	}
	s.framer.Skip(uint32(n))
	s.bytes.Store(s.bytes.Load() + uint64(n))
	c.lastByte.Store(c.loop.now)
	s.held = p.hold(n)
	if errno := s.held.flush(o.fd); errno == 0 {
		s.held.release(c.loop)
		s.held = nil
	} else if errno == unix.EAGAIN {
		c.loop.driver.awaitRoom(c, 1-i)
	} else {
		c.unwritable(i)
		return n
	}
	if last := c.lastPacket(i); len(last) > 0 && s.at() {
		c.seal(i, last)
	}
	return n
}
