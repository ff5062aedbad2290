package relay

import (
	"sync"

	"golang.org/x/sys/unix"

	"mqttward/proxy/socket"
)

// held is what was read from one side and the other has not taken yet: one buffer, or a pipe. It
// exists only while a direction is blocked.
type held struct {
	data  []byte // what is left of buf
	buf   []byte
	pipe  *pipe // what is in it comes before data
	piped int
}

// holds keeps the buffers for the next direction that is blocked.
var holds = sync.Pool{New: func() any { return new(held) }}

// add holds p behind what is held already, and returns where.
func (h *held) add(p []byte) *held {
	if h == nil {
		h = holds.Get().(*held)
		h.buf = append(h.buf[:0], p...)
		h.data = h.buf
		return h
	}
	if len(h.data) == 0 {
		h.buf = append(h.buf[:0], p...)
	} else {
		h.buf = append(h.data, p...)
	}
	h.data = h.buf
	return h
}

// hold holds what is in a pipe.
func (p *pipe) hold(n int) *held {
	h := holds.Get().(*held)
	h.pipe, h.piped = p, n
	return h
}

func (h *held) len() int {
	if h == nil {
		return 0
	}
	return h.piped + len(h.data)
}

// flush writes what is held to fd. EAGAIN says that something is left.
func (h *held) flush(fd int32) unix.Errno {
	for h.piped > 0 {
		n, errno := socket.Splice(int(h.pipe.r), int(fd), h.piped)
		if n <= 0 && errno != 0 {
			return errno
		}
		h.piped -= n
	}
	for len(h.data) > 0 {
		n, errno := socket.Send(int(fd), h.data)
		if n <= 0 && errno != 0 {
			return errno
		}
		h.data = h.data[n:]
	}
	return 0
}

// release gives back what h is made of.
func (h *held) release(l *loop) {
	if h.pipe != nil {
		l.pipes.put(h.pipe, h.piped > 0)
		h.pipe, h.piped = nil, 0
	}
	h.data = nil
	if cap(h.buf) > readSize+largestRoom {
		h.buf = nil
	}
	holds.Put(h)
}
