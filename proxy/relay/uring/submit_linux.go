package uring

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Token names a request, and comes back with its completions. What it means is the caller's to
// say.
type Token uint64

// prepare returns the next entry, empty. Where there is no room, what was prepared is submitted.
func (r *Ring) prepare(op uint8, fd int, t Token) *sqe {
	for r.next-atomic.LoadUint32(r.sqHead) > r.sqMask {
		r.Submit()
	}
	e := &r.sqes[r.next&r.sqMask]
	*e = sqe{opcode: op, fd: int32(fd), userData: uint64(t)}
	r.next++
	return e
}

// Pending reports whether something was prepared that the kernel has not been given.
func (r *Ring) Pending() bool { return r.submitted != r.next }

// Names reports whether a request for a descriptor was prepared that the kernel has not been given.
// Until it has, the descriptor must not be closed: its number may be somebody else's by then.
func (r *Ring) Names(fd int) bool {
	for i := r.submitted; i != r.next; i++ {
		if r.sqes[i&r.sqMask].fd == int32(fd) {
			return true
		}
	}
	return false
}

// Receive receives from a socket until its stream ends, each time into a provided buffer. The
// request stands as long as its completions say More.
func (r *Ring) Receive(fd int, t Token) {
	e := r.prepare(opRecv, fd, t)
	e.flags = sqeBufferSelect
	e.ioprio = recvMultishot
	e.bufGroup = bufferGroup
}

// Send sends p, which must lie in a provided buffer, to a socket, and never waits. It has run once
// the request is submitted. Only what fails is completed: with an error, or with how much was
// taken where that is less than all.
func (r *Ring) Send(fd int, p []byte, t Token) {
	e := r.prepare(opSend, fd, t)
	e.addr = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(p))))
	e.len = uint32(len(p))
	// To have taken less than all counts as a failure only with MSG_WAITALL.
	e.opFlags = unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT | unix.MSG_WAITALL
	e.flags = sqeSkipSuccess
}

// MoreFollows has what was prepared last to be sent to a socket share a segment with what is sent
// next, or with the stream's end. One of them must follow at once. What the kernel has been given
// already has gone without.
func (r *Ring) MoreFollows(fd int) {
	for i := r.next; i != r.submitted; i-- {
		if e := &r.sqes[(i-1)&r.sqMask]; e.opcode == opSend && e.fd == int32(fd) {
			e.opFlags |= unix.MSG_MORE
			return
		}
	}
}

// Poll completes once when one of events (POLLIN and so on) is there; an error or the end of both
// directions always counts.
func (r *Ring) Poll(fd int, events uint32, t Token) {
	r.prepare(opPollAdd, fd, t).opFlags = wordOrder(events)
}

// PollAlways is Poll that stands, and completes each time when something has happened.
func (r *Ring) PollAlways(fd int, events uint32, t Token) {
	e := r.prepare(opPollAdd, fd, t)
	e.opFlags = wordOrder(events)
	e.len = pollMulti
}

// Cancel ends the standing request that t names, whose last completion follows. Of the cancelling
// itself nothing is completed, save, as named, that there was nothing to cancel.
func (r *Ring) Cancel(t, named Token) {
	e := r.prepare(opAsyncCancel, -1, named)
	e.addr = uint64(t)
	e.flags = sqeSkipSuccess
}

// wordOrder puts poll events where the kernel looks for them: the two halves change places where
// the most significant byte comes first.
func wordOrder(events uint32) uint32 {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return events
	}
	return events<<16 | events>>16
}
