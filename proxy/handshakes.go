package proxy

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// handshakes bounds the connections whose CONNECT has neither been accepted nor refused. It is
// safe for concurrent use.
type handshakes struct {
	mu        sync.Mutex
	max       int
	count     int
	waiting   [numClasses]map[netip.Prefix]*addressQueue // those that may have to give way
	freed     *sync.Cond                                 // a waiter should look again
	wanting   []func()                                   // whoever is to be told when one was freed
	spare     *addressQueue                              // one that is empty; nil: none
	lingering int                                        // refused clients that have yet to go
	closed    bool
}

// class is how far a connection has come that may have to give way.
type class uint8

const (
	silent class = iota // it has sent nothing
	begun               // it has sent something: a part of its CONNECT, or of a TLS handshake
	numClasses
	heard // its CONNECT has arrived, or it gave its place back: it gives way to nobody
)

// patience is for how long a connection is left alone before it may have to give way: its first bytes,
// and the round trips of a handshake, may have to cross a slow network. It bounds how fast connections
// can push each other out.
var patience = [numClasses]time.Duration{silent: 500 * time.Millisecond, begun: 3 * time.Second}

// addressQueue holds an address's connections of a class, oldest first.
type addressQueue struct {
	oldest, newest *handshake
	count          int
}

// handshake is one connection on its way to the verdict.
type handshake struct {
	conn       net.Conn // the socket: closing it ends the handshake
	address    netip.Prefix
	came       time.Time // when it got its place
	since      time.Time // when it came to its class
	class      class
	held       bool // it counts
	evicted    bool
	queue      *addressQueue // that it is in; nil: none
	prev, next *handshake
}

func newHandshakes() *handshakes {
	h := &handshakes{}
	for c := range h.waiting {
		h.waiting[c] = map[netip.Prefix]*addressQueue{}
	}
	h.freed = sync.NewCond(&h.mu)
	return h
}

// limit sets how many places there are. Those that are taken stay so.
func (h *handshakes) limit(max int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.max = max
	h.tell()
}

// linger takes one of the places, half as many as all, in which refused clients may wait, and
// reports whether there was one. unlinger gives it back.
func (h *handshakes) linger() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lingering >= max(1, h.max/2) {
		return false
	}
	h.lingering++
	return true
}

func (h *handshakes) unlinger() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lingering--
}

// masked returns the network that an address is counted under: the address itself in IPv4,
// and its /64 in IPv6, all of which one client may have. What is no IP address (a unix
// socket's peer) counts as one.
func masked(peer netip.AddrPort) netip.Prefix {
	ip := peer.Addr().Unmap()
	if !ip.IsValid() {
		return netip.Prefix{}
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return p
}

// begin takes a place for conn. When all are taken, the oldest connection of the busiest address
// gives way, one that has sent nothing before one that has; while none has waited for its
// class's patience, begin waits, and the kernel's backlog is the queue. It returns nil once
// close was called.
func (h *handshakes) begin(conn net.Conn) *handshake {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.count >= h.max && !h.closed {
		if made, wait := h.makeRoom(); !made {
			h.await(wait)
		}
	}
	if h.closed {
		return nil
	}
	return h.take(conn)
}

// tryBegin is begin without the wait. Where there is no place, hs is nil, another try is worth
// it after wait, where that is not negative, and freed is called once when a place is free before
// that. closed says that close was called.
func (h *handshakes) tryBegin(conn net.Conn, freed func()) (hs *handshake, wait time.Duration, closed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.count >= h.max && !h.closed {
		if made, wait := h.makeRoom(); !made {
			h.wanting = append(h.wanting, freed)
			return nil, wait, false
		}
	}
	if h.closed {
		return nil, 0, true
	}
	return h.take(conn), 0, false
}

// take gives conn a place that is free.
func (h *handshakes) take(conn net.Conn) *handshake {
	hs := &handshake{conn: conn, address: masked(peerOf(conn)), held: true}
	h.count++
	hs.came = time.Now() // nobody has listened to it before
	hs.since = hs.came
	h.enqueue(hs, silent)
	h.tell() // whoever waits has somebody to wait for now
	return hs
}

// tell tells whoever waits for a place to look again.
func (h *handshakes) tell() {
	h.freed.Broadcast()
	for _, f := range h.wanting {
		f()
	}
	clear(h.wanting)
	h.wanting = h.wanting[:0]
}

// makeRoom lets a connection give way, and reports whether one did. Where none has to yet, wait
// is the time until one may; it is negative where nobody is there who could.
func (h *handshakes) makeRoom() (made bool, wait time.Duration) {
	wait = -1
	for c := range h.waiting {
		oldest := h.oldestOfBusiest(class(c))
		if oldest == nil {
			continue
		}
		left := patience[c] - time.Since(oldest.since)
		if left <= 0 && oldest.class == silent && hasInput(oldest.conn) {
			// Where many come at once, what it has sent waits for a processor of ours.
			h.advance(oldest)
			return h.makeRoom()
		}
		if left <= 0 {
			oldest.evicted = true
			h.drop(oldest)
			oldest.conn.Close()
			return true, 0
		}
		if wait < 0 || left < wait {
			wait = left
		}
	}
	return false, wait
}

// await waits until it is worth another look.
func (h *handshakes) await(wait time.Duration) {
	if wait >= 0 {
		// Under the lock: a broadcast before we wait would be lost.
		again := time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.freed.Broadcast()
		})
		defer again.Stop()
	}
	h.freed.Wait()
}

// began says that hs has sent something.
func (h *handshakes) began(hs *handshake) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if hs.class == silent {
		h.advance(hs)
	}
}

// advance moves hs on to those that have sent something.
func (h *handshakes) advance(hs *handshake) {
	h.dequeue(hs)
	hs.since = time.Now()
	h.enqueue(hs, begun)
}

// heard says that hs's CONNECT has arrived: it no longer gives way. It reports whether hs is
// still wanted.
func (h *handshakes) heard(hs *handshake) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dequeue(hs)
	return !hs.evicted
}

// introduce moves hs to the address that a PROXY header named. It counts from then on as one that
// has sent nothing.
func (h *handshakes) introduce(hs *handshake, address netip.Prefix) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := hs.class
	h.dequeue(hs)
	hs.address = address
	if c != heard {
		hs.since = time.Now()
		h.enqueue(hs, c)
	}
}

// end gives hs's place back. Calling it again does nothing.
func (h *handshakes) end(hs *handshake) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(hs)
}

// close makes every begin, now and later, return nil, and calls f for each connection whose
// CONNECT has not arrived.
func (h *handshakes) close(f func(net.Conn)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.tell()
	for _, addresses := range h.waiting {
		for _, q := range addresses {
			for hs := q.oldest; hs != nil; hs = hs.next {
				f(hs.conn)
			}
		}
	}
}

// oldestOfBusiest returns the oldest connection of the address that has most of a class, or nil
// where there is none. It looks at every address, of which there are max at most.
func (h *handshakes) oldestOfBusiest(c class) *handshake {
	var busiest *addressQueue
	for _, q := range h.waiting[c] {
		if busiest == nil || q.count > busiest.count ||
			q.count == busiest.count && q.oldest.since.Before(busiest.oldest.since) {
			busiest = q
		}
	}
	if busiest == nil {
		return nil
	}
	return busiest.oldest
}

func (h *handshakes) drop(hs *handshake) {
	if !hs.held {
		return
	}
	hs.held = false
	h.dequeue(hs)
	h.count--
	h.freed.Signal()
	if len(h.wanting) > 0 {
		h.tell()
	}
}

func (h *handshakes) enqueue(hs *handshake, c class) {
	hs.class = c
	q := h.waiting[c][hs.address]
	if q == nil {
		if q, h.spare = h.spare, nil; q == nil {
			q = &addressQueue{}
		}
		h.waiting[c][hs.address] = q
	}
	hs.queue = q
	q.count++
	if hs.prev = q.newest; hs.prev == nil {
		q.oldest = hs
	} else {
		hs.prev.next = hs
	}
	q.newest = hs
}

func (h *handshakes) dequeue(hs *handshake) {
	if hs.class == heard {
		return
	}
	q := hs.queue
	if hs.prev == nil {
		q.oldest = hs.next
	} else {
		hs.prev.next = hs.next
	}
	if hs.next == nil {
		q.newest = hs.prev
	} else {
		hs.next.prev = hs.prev
	}
	hs.prev, hs.next, hs.queue = nil, nil, nil
	if q.count--; q.count == 0 {
		delete(h.waiting[hs.class], hs.address)
		h.spare = q
	}
	hs.class = heard
}
