package relay

import (
	"cmp"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/packets"
)

// Goroutines is the portable engine. A session is two goroutines that wait for readability
// without a buffer; while it ends there are up to three more, which may outlive Owner.Ended by a
// moment. The zero value is ready.
type Goroutines struct{}

// Close implements [Relay]. There is nothing to give back.
func (Goroutines) Close() {}

// defaultHalfClose is the half-close time-out of a pair that has none.
const defaultHalfClose = 10 * time.Second

// Start implements [Relay].
func (Goroutines) Start(p Pair) Link {
	client, upstream := newEndpoint(p.Client), newEndpoint(p.Upstream)
	s := &session{
		halfClose: cmp.Or(p.HalfCloseTimeout, defaultHalfClose),
		limit:     p.MaximumPacketSize,
		owner:     p.Owner,
	}
	s.up.src, s.up.dst, s.up.boundaries.framer = client, upstream, p.UpFramer
	s.down.src, s.down.dst = upstream, client
	s.pumps.Store(2)
	s.lastByte.Store(time.Now().UnixNano())
	go s.pumpUp()
	go s.pumpDown(p.Early)
	return s
}

// session is one pair being served.
type session struct {
	up, down  direction
	halfClose time.Duration
	limit     uint32
	owner     Owner

	scanner   packets.ConnackScanner // the down pump's
	scanned   bool                   // the down pump's
	connected atomic.Bool            // a successful CONNACK passes down, or has

	lastByte atomic.Int64 // Unix nanoseconds
	pumps    atomic.Int32 // how many still run
	cause    atomic.Pointer[Cause]

	mu      sync.Mutex
	watcher *watcher // non-nil from the moment that the session begins to end
	ended   bool     // it was ended from outside
	over    bool     // both pumps have left
}

func (s *session) pumpUp() { s.pump(&s.up, ClientClosed, ClientReset, UpstreamReset) }

func (s *session) pumpDown(early []byte) {
	if len(early) > 0 && !s.pass(&s.down, early) {
		s.ending(ClientReset)
	}
	s.pump(&s.down, UpstreamClosed, UpstreamReset, ClientReset)
}

// pump carries a direction until its source's stream is over. When the destination is gone
// it goes on reading, and drops what it reads: the source must see our FIN and end its
// stream by itself, since a close with unread bytes would reset it, and destroy what the
// other direction has yet to deliver to it.
func (s *session) pump(d *direction, closed, reset, unwritable Cause) {
	for {
		buf, n, err := d.src.receive()
		if n > 0 {
			s.lastByte.Store(time.Now().UnixNano())
			if !s.pass(d, buf[:n]) {
				s.ending(unwritable)
			}
		}
		if buf != nil {
			buffers.Put(buf)
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			s.ending(closed)
		} else {
			s.ending(reset)
		}
		d.end()
		s.leave()
		return
	}
}

// pass forwards p, and looks for the broker's CONNACK as it passes. A client that has it may
// end the session at once, by whatever way, and is then owed its last packet: that it is
// connected is noted first.
func (s *session) pass(d *direction, p []byte) bool {
	if d != &s.down || s.scanned || !s.scanner.Feed(p) {
		return d.forward(p, nil)
	}
	s.scanned = true
	code, err := s.scanner.Code(), s.scanner.Err()
	ok := d.forward(p, func() { s.connected.Store(err == nil && code == packets.Success) })
	s.owner.Connack(code, err)
	return ok
}

// ending notes why the session ends, unless something else was first, and sees to it that
// somebody watches the rest.
func (s *session) ending(cause Cause) {
	s.cause.CompareAndSwap(nil, &cause)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watcher == nil && !s.over {
		s.watcher = newWatcher(s)
		go s.watcher.run()
	}
}

// leave is called by each pump as it ends. The last one closes both sides.
func (s *session) leave() {
	if s.pumps.Add(-1) > 0 {
		return
	}
	s.abort()
	s.mu.Lock()
	s.over = true
	if s.watcher != nil {
		close(s.watcher.stop)
	}
	s.mu.Unlock()
	// Both pumps have left: nobody else follows the client's packets any more.
	left := s.connected.Load() && s.up.boundaries.framer.Disconnected()
	s.owner.Ended(End{Stats: s.Stats(), Cause: s.cause.Load().after(left)})
}

func (s *session) abort() {
	s.up.src.abort()
	s.up.dst.abort()
}

// End implements [Link].
func (s *session) End(f Farewell) {
	s.ending(f.Cause)
	s.mu.Lock()
	first := !s.ended && !s.over
	s.ended = true
	s.mu.Unlock()
	if !first {
		return
	}
	down := f.Down
	if !s.connected.Load() || s.limit != 0 && uint64(len(down)) > uint64(s.limit) {
		down = nil
	}
	// Both are asked before either ends, since the end of one may bring that of the other.
	s.down.ask(down)
	s.up.ask(f.Up)
	// Writing may block on a peer that does not read; the watcher ends that.
	go s.down.trySeal()
	go s.up.trySeal()
}

// Kill implements [Link].
func (s *session) Kill(cause Cause) {
	s.cause.Store(&cause)
	s.abort()
}

// Stats implements [Link].
func (s *session) Stats() Stats {
	return Stats{
		BytesUp:   s.up.bytes.Load(),
		BytesDown: s.down.bytes.Load(),
		LastByte:  time.Unix(0, s.lastByte.Load()),
	}
}
