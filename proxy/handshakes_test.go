package proxy

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection from an address, which can only be closed.
type fakeConn struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return c.from }

func (c *fakeConn) Close() error {
	c.closed = true
	return nil
}

// tableOf is a table of n places.
func tableOf(n int) *handshakes {
	h := newHandshakes()
	h.limit(n)
	return h
}

func from(ip string) *fakeConn {
	return &fakeConn{from: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 1))}
}

func TestAddressesAreCountedByTheirNetwork(t *testing.T) {
	for _, test := range []struct{ a, b string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::ffff:0:1"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	} {
		if a, b := masked(peerOf(from(test.a))), masked(peerOf(from(test.b))); a != b || !a.IsValid() {
			t.Errorf("masked: %s is %v, %s is %v, want the same", test.a, a, test.b, b)
		}
	}
	if a, b := masked(peerOf(from("192.0.2.1"))), masked(peerOf(from("192.0.2.2"))); a == b {
		t.Errorf("two IPv4 addresses are one: %v", a)
	}
	if got := masked(peerOf(&fakeConn{from: &net.UnixAddr{}})); got.IsValid() {
		t.Errorf("a unix socket's peer: got %v", got)
	}
}

func TestOldestOfTheBusiestAddressGivesWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := tableOf(4)
		alone := from("192.0.2.1")
		crowd := []*fakeConn{from("192.0.2.9"), from("192.0.2.9"), from("192.0.2.9")}
		h.begin(alone)
		for _, c := range crowd {
			h.begin(c)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(patience[silent])
		h.begin(from("192.0.2.2"))
		if alone.closed || !crowd[0].closed || crowd[1].closed {
			t.Errorf("closed: alone %v, crowd %v %v %v; want the crowd's oldest alone",
				alone.closed, crowd[0].closed, crowd[1].closed, crowd[2].closed)
		}
	})
}

func TestNewcomerWaitsForTheSilentOnesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := tableOf(1)
		old := from("192.0.2.1")
		h.begin(old)
		begun := time.Now()
		h.begin(from("192.0.2.2"))
		if took := time.Since(begun); took != patience[silent] || !old.closed {
			t.Errorf("took %v, closed %v; want %v and closed", took, old.closed, patience[silent])
		}
	})
}

// One that has sent something gives way later, and only where all have.
func TestBegunConnectionGivesWayLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := tableOf(2)
		first, second := from("192.0.2.1"), from("192.0.2.1")
		h.began(h.begin(first))
		h.begin(second)
		time.Sleep(time.Second)
		third := from("192.0.2.2")
		h.began(h.begin(third))
		if first.closed || !second.closed {
			t.Errorf("closed: begun %v, silent %v; want the silent one alone", first.closed, second.closed)
		}
		start := time.Now()
		h.begin(from("192.0.2.3"))
		if took := time.Since(start); took != patience[begun]-time.Second || !first.closed || third.closed {
			t.Errorf("took %v, closed %v and %v; want %v, and the older one closed", took, first.closed, third.closed, patience[begun]-time.Second)
		}
	})
}

// A wake-up that comes before the wait must not be lost: the accept loop would stand still.
func TestBeginsNeverStall(t *testing.T) {
	defer func(d time.Duration) { patience[silent] = d }(patience[silent])
	patience[silent] = 20 * time.Microsecond
	h := tableOf(4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5000 {
			h.begin(from("192.0.2.1"))
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("begin stands still")
	}
}

func TestHeardConnectionKeepsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := tableOf(1)
		old := h.begin(from("192.0.2.1"))
		if !h.heard(old) {
			t.Fatal("heard: not wanted any more")
		}
		began := make(chan *handshake)
		go func() { began <- h.begin(from("192.0.2.2")) }()
		time.Sleep(time.Hour)
		select {
		case <-began:
			t.Fatal("a connection that is being judged gave way")
		default:
		}
		h.end(old)
		h.end(old) // twice is harmless
		if hs := <-began; hs == nil || h.count != 1 {
			t.Errorf("begin: got %v with %d counted, want a place and 1", hs, h.count)
		}
	})
}

func TestClosedTableTakesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := tableOf(1)
		old := h.begin(from("192.0.2.1"))
		h.heard(old)
		waiting := make(chan *handshake)
		go func() { waiting <- h.begin(from("192.0.2.2")) }()
		synctest.Wait()
		h.close(func(net.Conn) { t.Error("a connection that was heard counts as silent") })
		if hs := <-waiting; hs != nil {
			t.Error("a waiting begin got a place")
		}
		if h.begin(from("192.0.2.3")) != nil {
			t.Error("a later begin got a place")
		}
	})
}

// A full table of 1,024 addresses, each time looking for who gives way.
func BenchmarkHandshakesEvict(b *testing.B) {
	h := tableOf(1024)
	next := 0
	begin := func() {
		next++
		ip := netip.AddrFrom4([4]byte{10, byte(next >> 16), byte(next >> 8), byte(next)})
		hs := h.begin(&fakeConn{from: net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 1))})
		hs.since = time.Time{}
	}
	for range 1024 {
		begin()
	}
	for b.Loop() {
		begin()
	}
}
