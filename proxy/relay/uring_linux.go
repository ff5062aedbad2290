package relay

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/proxy/relay/uring"
	"mqttward/proxy/socket"
)

// What a ring is made of: half a megabyte of buffers for messages. What is larger does not come
// through them: see streaming.
var ringSize = uring.Options{Requests: 256, Completions: 2048, Buffers: 256, BufferSize: 2 << 10}

// cancelTime is how long the end of what was cancelled is waited for. It comes at once.
const cancelTime = 5 * time.Second

// ring is the driver over io_uring. Each socket has a standing receive, whose bytes come in a
// provided buffer; they are sent on from where they lie, all sends of a round with one call. A
// direction that streams is told of input instead, and read and spliced as over epoll, and so is
// one whose bytes nobody takes.
type ring struct {
	loop   *loop
	ring   *uring.Ring
	wakeFD int

	done  []uring.Completion // to be dealt with in this round
	later []uring.Completion // in the next
	fresh []uring.Completion

	// flights are the sends of this round, each from a buffer that is ours until it has landed.
	flights []flight
	back    []uring.BufferID // that are no longer needed
	// unsettled are circuits whose send has failed.
	unsettled []*circuit
	// at hand is the buffer whose bytes are being passed on.
	atHand uring.BufferID
}

// flight is a send under way.
type flight struct {
	c      *circuit
	k      int // to this side
	p      []byte
	buffer uring.BufferID
}

// A request's token is what kind it is (3 bits), which side it is of (1), and the circuit's slot,
// or a flight's number.
const (
	wakeUp   = iota
	receipt  // the standing receive
	input    // there may be something to read
	end      // the stream's end or an error is behind what can be read
	room     // there is room to write
	sending  // a flight
	toCancel // what was to be cancelled had ended already
)

const (
	kindMask  = 7
	sideShift = 3
	slotShift = 4
)

func request(kind int, c *circuit, k int) uring.Token {
	return uring.Token(c.slot)<<slotShift | uring.Token(k)<<sideShift | uring.Token(kind)
}

// newRing makes a ring of the calling thread.
func newRing(l *loop) (driver, error) { return newRingOf(l, ringSize) }

func newRingOf(l *loop, size uring.Options) (driver, error) {
	r, err := uring.New(size)
	if err != nil {
		return nil, err
	}
	d := &ring{loop: l, ring: r, atHand: uring.None}
	if d.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		r.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	r.PollAlways(d.wakeFD, unix.POLLIN, wakeUp)
	return d, nil
}

// close implements driver. What the kernel still has of circuits that are over may write to our
// buffers, and keeps their sockets open: its end is waited for.
func (d *ring) close() {
	for until := time.Now().Add(cancelTime); d.loop.sessions.Load() > 0 && time.Now().Before(until); {
		for n := range d.wait(cancelTime) {
			d.loop.mu.Lock()
			c := d.loop.inSlot(d.slot(n))
			d.loop.mu.Unlock()
			if c != nil {
				d.deal(n, c)
			}
		}
	}
	d.ring.Close()
	unix.Close(d.wakeFD)
}

func (d *ring) wake() { socket.Signal(d.wakeFD) }

func (d *ring) direct() bool { return false }

// watch does nothing: rest is what has a side heard of.
func (d *ring) watch(watches) error { return nil }

func (d *ring) wait(timeout time.Duration) int {
	failed := len(d.unsettled) > 0
	d.settleFailed()
	if failed || len(d.later) > 0 {
		timeout = 0 // a session may have begun to end, which the loop looks after
	}
	d.ring.Wait(timeout)
	d.harvest()
	if d.ring.Pending() {
		d.settle()
	} else {
		d.land()
	}
	d.done, d.later = d.later, d.done[:0]
	return len(d.done)
}

func (d *ring) slot(n int) int {
	if t := d.done[n].Token; t&kindMask != wakeUp && t&kindMask != toCancel {
		return int(t >> slotShift)
	}
	return -1
}

// harvest takes what was completed. Sends that failed are seen to at once, before anything else
// of their direction; all else waits for its round.
func (d *ring) harvest() {
	d.fresh = d.ring.Take(d.fresh[:0])
	for _, c := range d.fresh {
		switch c.Token & kindMask {
		case sending:
			d.failed(&d.flights[c.Token>>slotShift], c)
		case wakeUp:
			if !c.More {
				d.ring.PollAlways(d.wakeFD, unix.POLLIN, wakeUp)
			}
			d.later = append(d.later, c)
		default:
			d.later = append(d.later, c)
		}
	}
}

// settle has everything tried that was prepared.
func (d *ring) settle() {
	for again := true; again; again = d.ring.Pending() {
		d.ring.Submit()
		d.harvest()
	}
	d.land()
}

// land is called when all sends were tried: what they sent from is needed no more.
func (d *ring) land() {
	for i := range d.flights {
		f := &d.flights[i]
		f.c.sides[1-f.k].flags &^= queued
		d.back = append(d.back, f.buffer)
	}
	clear(d.flights)
	d.flights = d.flights[:0]
	if len(d.back) > 0 {
		d.ring.GiveBack(d.back...)
		d.back = d.back[:0]
	}
}

// send sends what lies in the buffer at hand with the others of this round, and all else at once.
func (d *ring) send(c *circuit, k int, p []byte) (int, unix.Errno) {
	if d.atHand == uring.None || len(p) == 0 || !d.ring.Holds(d.atHand, p) {
		return c.sendNow(k, p)
	}
	d.ring.Send(int(c.sides[k].fd), p, uring.Token(len(d.flights))<<slotShift|sending)
	d.flights = append(d.flights, flight{c: c, k: k, p: p, buffer: d.atHand})
	d.atHand = uring.None
	c.sides[1-k].flags |= queued
	return len(p), 0
}

func (d *ring) endFollows(c *circuit, k int) {
	if c.sides[1-k].is(queued) {
		d.ring.MoreFollows(int(c.sides[k].fd))
	}
}

// failed holds what a send has left over, and notes where there is nobody to take it.
func (d *ring) failed(f *flight, e uring.Completion) {
	from := &f.c.sides[1-f.k]
	if e.Errno != 0 && e.Errno != unix.EAGAIN {
		from.flags |= broken
	} else {
		from.held = from.held.add(f.p[e.N:])
		d.awaitRoom(f.c, f.k)
	}
	d.unsettled = append(d.unsettled, f.c)
}

// settleFailed has the circuits go on whose sends have failed.
func (d *ring) settleFailed() {
	for i := 0; i < len(d.unsettled); i++ {
		c := d.unsettled[i]
		for k := range c.sides {
			if c.sides[k].is(broken) && !c.over {
				c.unwritable(k)
			}
		}
		d.rest(c)
	}
	clear(d.unsettled)
	d.unsettled = d.unsettled[:0]
}

// awaitRoom implements driver. A poll tells of a stream's end whatever was asked for, and at once
// where it has come: what stands tells of that only once.
func (d *ring) awaitRoom(c *circuit, k int) {
	if !d.ask(c, k, blocked) {
		return
	}
	s := &c.sides[k]
	if s.is(hung | drained) {
		d.ring.PollAlways(int(s.fd), unix.POLLOUT, request(room, c, k))
	} else {
		d.ring.Poll(int(s.fd), unix.POLLOUT, request(room, c, k))
	}
}
