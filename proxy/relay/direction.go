package relay

import (
	"sync"
	"sync/atomic"
)

// direction carries the bytes of one side to the other.
type direction struct {
	src, dst endpoint
	bytes    atomic.Uint64
	// last is the packet that ends the direction, once one was asked for. See ask.
	last atomic.Pointer[lastPacket]

	// sealed is set when nothing more may flow: the stream or the direction ended, or a
	// write failed. It is set under the lock, after the write that is the last.
	sealed atomic.Bool

	mu         sync.Mutex // held while bytes or a last packet are written
	boundaries boundaries
}

// lastPacket is inserted at a packet boundary, and nothing follows it. An empty one ends
// the direction wherever it stands.
type lastPacket struct{ packet []byte }

// forward writes p to the other side, up to the last packet where there is one, and reports
// whether it could. Bytes after the end of a direction are dropped: both sides will close.
//
// first, where there is one, is called before that, under the lock: what it notes is noted when
// the other side has p, and no last packet comes between the two.
func (d *direction) forward(p []byte, first func()) bool {
	d.mu.Lock()
	if first != nil {
		first()
	}
	ok := d.forwardLocked(p)
	d.mu.Unlock()
	// A last packet may have come while we held the lock: trySeal could not take it.
	if d.last.Load() != nil {
		d.trySeal()
	}
	return ok
}

func (d *direction) forwardLocked(p []byte) bool {
	if d.sealed.Load() {
		return true
	}
	boundary := d.boundaries.follow(p)
	last := d.last.Load()
	insert := last != nil && len(last.packet) > 0 && boundary >= 0
	if insert {
		p = p[:boundary]
	}
	if err := d.dst.write(p); err != nil {
		d.sealed.Store(true)
		return false
	}
	d.bytes.Add(uint64(len(p)))
	if insert {
		d.finish(last)
	}
	return true
}

// ask asks for the direction to end with packet; trySeal must follow. The first to ask wins.
func (d *direction) ask(packet []byte) { d.last.CompareAndSwap(nil, &lastPacket{packet}) }

// trySeal ends the direction as it was asked to, if nobody is writing and it stands at a
// boundary, or needs none. Whoever holds the lock instead sees to it afterwards. It may block
// on a peer that does not read.
func (d *direction) trySeal() {
	if !d.mu.TryLock() {
		return
	}
	defer d.mu.Unlock()
	last := d.last.Load()
	if !d.sealed.Load() && (len(last.packet) == 0 || d.boundaries.at()) {
		d.finish(last)
	}
}

// giveUp drops the last packet: the direction ends as soon as nobody writes.
func (d *direction) giveUp() {
	if d.last.Swap(&lastPacket{}) != nil && !d.sealed.Load() {
		d.trySeal()
	}
}

// finish writes the last packet and ends the stream. The lock is held.
func (d *direction) finish(last *lastPacket) {
	if len(last.packet) == 0 || d.dst.write(last.packet) == nil {
		d.dst.closeWrite()
	}
	d.sealed.Store(true)
}

// end is called when the source's stream is over: what it sent has been written, and the
// other side is told. A last packet that was asked for meanwhile still fits at a boundary: a
// broker may close at our FIN before anybody else came to write it.
func (d *direction) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sealed.Load() {
		return
	}
	last := d.last.Load()
	if last == nil || !d.boundaries.at() {
		last = &lastPacket{}
	}
	d.finish(last)
}
