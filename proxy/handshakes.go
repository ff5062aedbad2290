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
	addresses map[netip.Prefix]*addressQueue // those with a silent connection
	freed     *sync.Cond                     // a place was given back, or the table closed
	lingering int                            // refused clients that have yet to go
	closed    bool
}

// addressQueue holds an address's silent connections, oldest first.
type addressQueue struct {
	oldest, newest *handshake
	count          int
}

// handshake is one connection on its way to the verdict.
type handshake struct {
	conn       net.Conn // the socket: closing it ends the handshake
	address    netip.Prefix
	since      time.Time
	silent     bool // its CONNECT has not arrived: it may be told to give way
	held       bool // it counts
	evicted    bool
	prev, next *handshake
}

func newHandshakes() *handshakes {
	h := &handshakes{addresses: map[netip.Prefix]*addressQueue{}}
	h.freed = sync.NewCond(&h.mu)
	return h
}

// limit sets how many places there are. Those that are taken stay so.
func (h *handshakes) limit(max int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.max = max
	h.freed.Broadcast()
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
func masked(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return p
}

// minSilence is for how long a connection is left alone before it may have to give way: its
// CONNECT may have arrived, and wait for a processor. It bounds how fast silent connections
// can push each other out.
const minSilence = 200 * time.Millisecond

// begin takes a place for conn. When all are taken, the oldest silent connection of the
// busiest address gives way; while none has been silent for minSilence, begin waits, and the
// kernel's backlog is the queue. It returns nil once close was called.
func (h *handshakes) begin(conn net.Conn) *handshake {
	hs := &handshake{conn: conn, address: masked(conn.RemoteAddr()), silent: true, held: true}
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.count >= h.max && !h.closed {
		oldest := h.oldestOfBusiest()
		if oldest == nil {
			h.freed.Wait()
			continue
		}
		if age := time.Since(oldest.since); age < minSilence {
			again := time.AfterFunc(minSilence-age, h.freed.Broadcast)
			h.freed.Wait()
			again.Stop()
			continue
		}
		oldest.evicted = true
		h.drop(oldest)
		oldest.conn.Close()
	}
	if h.closed {
		return nil
	}
	h.count++
	hs.since = time.Now() // nobody has listened to it before
	h.enqueue(hs)
	h.freed.Broadcast() // whoever waits has somebody silent to wait for now
	return hs
}

// heard says that hs's CONNECT has arrived: it no longer gives way. It reports whether hs is
// still wanted.
func (h *handshakes) heard(hs *handshake) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dequeue(hs)
	return !hs.evicted
}

// end gives hs's place back. Calling it again does nothing.
func (h *handshakes) end(hs *handshake) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(hs)
}

// close makes every begin, now and later, return nil, and calls f for each connection that
// is still silent.
func (h *handshakes) close(f func(net.Conn)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.freed.Broadcast()
	for _, q := range h.addresses {
		for hs := q.oldest; hs != nil; hs = hs.next {
			f(hs.conn)
		}
	}
}

// oldestOfBusiest returns the oldest silent connection of the address that has most of them,
// or nil where none is silent. It looks at every address, of which there are max at most.
func (h *handshakes) oldestOfBusiest() *handshake {
	var busiest *addressQueue
	for _, q := range h.addresses {
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
}

func (h *handshakes) enqueue(hs *handshake) {
	q := h.addresses[hs.address]
	if q == nil {
		q = &addressQueue{}
		h.addresses[hs.address] = q
	}
	q.count++
	if hs.prev = q.newest; hs.prev == nil {
		q.oldest = hs
	} else {
		hs.prev.next = hs
	}
	q.newest = hs
}

func (h *handshakes) dequeue(hs *handshake) {
	if !hs.silent {
		return
	}
	hs.silent = false
	q := h.addresses[hs.address]
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
	hs.prev, hs.next = nil, nil
	if q.count--; q.count == 0 {
		delete(h.addresses, hs.address)
	}
}
