package uring

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Completion is what became of a request.
type Completion struct {
	Token Token
	// N is a number of bytes or, of a poll, the events that are there. It is 0 where Errno is not.
	N     int
	Errno unix.Errno
	// Buffer is the provided buffer with what was received. It is the receiver's until it is given
	// back; None where there is none.
	Buffer BufferID
	// More says that the request still stands.
	More bool
}

// Completed reports whether there is a completion to take.
func (r *Ring) Completed() bool { return *r.cqHead != atomic.LoadUint32(r.cqTail) }

// Take appends all completions that there are to into, those included that the kernel keeps because
// they found no room.
func (r *Ring) Take(into []Completion) []Completion {
	into = r.take(into)
	for atomic.LoadUint32(r.sqFlags)&sqOverflow != 0 {
		r.Submit() // which has it fill what was emptied
		into = r.take(into)
	}
	return into
}

func (r *Ring) take(into []Completion) []Completion {
	head, tail := *r.cqHead, atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		raw := &r.cqes[head&r.cqMask]
		c := Completion{Token: Token(raw.userData), Buffer: None, More: raw.flags&cqeMore != 0}
		if raw.res < 0 {
			c.Errno = unix.Errno(-raw.res)
		} else {
			c.N = int(raw.res)
		}
		if raw.flags&cqeBuffer != 0 {
			c.Buffer = BufferID(raw.flags >> cqeBufferShift)
			r.buffers.ours++
		}
		into = append(into, c)
	}
	atomic.StoreUint32(r.cqHead, head)
	return into
}
