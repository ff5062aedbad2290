package socket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}

// listen returns a listener on a loopback port.
func listen(t *testing.T) *Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	own, err := NewListener(l.(*net.TCPListener), keepAlive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { own.Close() })
	return own
}

// pair returns an accepted connection and its peer.
func pair(t *testing.T) (ours *Conn, theirs *net.TCPConn) {
	t.Helper()
	l := listen(t)
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	ours = acceptSoon(t, l)
	t.Cleanup(func() { ours.Close() })
	return ours, peer.(*net.TCPConn)
}

// acceptSoon accepts by a poller, as it is done.
func acceptSoon(t *testing.T, l *Listener) *Conn {
	t.Helper()
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := l.Watch(p, 7); err != nil {
		t.Fatal(err)
	}
	for {
		c, err := l.AcceptNow()
		if err == nil {
			return c
		}
		if !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		if events := p.Wait(10 * time.Second); len(events) == 0 || events[0].Token != 7 {
			t.Fatalf("events: got %v, want one of the listener", events)
		}
	}
}

func option(t *testing.T, c *Conn, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(c.fd, level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOptionsAreInheritedFromTheListener(t *testing.T) {
	accepted, _ := pair(t)
	for _, o := range []struct{ level, name, want int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 4},
	} {
		if got := option(t, accepted, o.level, o.name); got != o.want {
			t.Errorf("option %d: got %d, want %d", o.name, got, o.want)
		}
	}
}

func TestKeepAliveIsForOtherMachines(t *testing.T) {
	for to, want := range map[string]net.KeepAliveConfig{"127.0.0.1": {}, "::1": {}, "192.0.2.1": keepAlive, "2001:db8::1": keepAlive} {
		if got := keepAliveTo(netip.MustParseAddr(to), keepAlive); got != want {
			t.Errorf("to %s: got %+v, want %+v", to, got, want)
		}
	}
	l := listen(t)
	dialled, _, err := Connect(l.address, netip.Addr{}, keepAlive)
	if err != nil {
		t.Fatal(err)
	}
	defer dialled.Close()
	if got := option(t, dialled, unix.SOL_SOCKET, unix.SO_KEEPALIVE); got != 0 {
		t.Errorf("on this machine: SO_KEEPALIVE is %d, want 0", got)
	}
	if got := option(t, dialled, unix.IPPROTO_TCP, unix.TCP_NODELAY); got != 1 {
		t.Errorf("TCP_NODELAY is %d, want 1", got)
	}
}

// segments is how many segments a socket has received that hold data, and how many it has sent at all.
func segments(t *testing.T, fd int) (received, sent uint32) {
	t.Helper()
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	return info.Data_segs_in, info.Segs_out
}

// The broker gets the last segment of TCP's handshake and the first bytes in one.
func TestFirstBytesGoWithTheHandshake(t *testing.T) {
	l := listen(t)
	c, underWay, err := Connect(l.address, netip.Addr{}, keepAlive)
	if err != nil || underWay {
		t.Fatalf("connect: %v, under way %v", err, underWay)
	}
	defer c.Close()
	if _, err := c.Write([]byte("CONNECT")); err != nil {
		t.Fatal(err)
	}
	if _, sent := segments(t, c.fd); sent != 2 {
		t.Errorf("%d segments were sent, want the SYN and one more", sent)
	}
	// From then on what comes is acknowledged at once: a peer under Nagle's algorithm would wait else.
	peer := acceptSoon(t, l)
	defer peer.Close()
	if err := setOption(peer.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if n := Unacknowledged(peer.fd); n != 0 {
		t.Errorf("%d bytes of the peer's wait for an acknowledgement", n)
	}
}

// What is sent with SendMore shares a segment with the end of the stream.
func TestMoreSharesASegmentWithTheEnd(t *testing.T) {
	for name, send := range map[string]func(int, []byte) (int, unix.Errno){"Send": Send, "SendMore": SendMore} {
		c, peer := pair(t)
		_, before := segments(t, c.fd)
		if n, errno := send(c.fd, []byte("DISCONNECT")); n != 10 || errno != 0 {
			t.Fatalf("%s: %d, %v", name, n, errno)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(peer)
		if err != nil || string(got) != "DISCONNECT" {
			t.Errorf("%s: the peer read %q, %v", name, got, err)
		}
		_, after := segments(t, c.fd)
		if want := map[string]uint32{"Send": 2, "SendMore": 1}[name]; after-before != want {
			t.Errorf("%s: %d segments, want %d", name, after-before, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	c, peer := pair(t)
	if got, want := c.RemoteAddr().String(), peer.LocalAddr().String(); got != want {
		t.Errorf("remote: got %s, want %s", got, want)
	}
	if got, want := c.LocalAddr().String(), peer.RemoteAddr().String(); got != want {
		t.Errorf("local: got %s, want %s", got, want)
	}
}

// What is there is read without a wait; only then does the runtime's poller get the descriptor.
func TestOnlyAWaitIsToldAndAttached(t *testing.T) {
	c, peer := pair(t)
	waits := 0
	c.OnWait(func() { waits++ })
	if _, err := peer.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	for {
		n, err := c.Receive(buf)
		if err == nil {
			c.Unread(buf[:n])
			break
		}
	}
	got := make([]byte, 2)
	if n, err := c.Read(got); n != 2 || err != nil || string(got) != "ab" {
		t.Fatalf("read: got %q, %v", got[:n], err)
	}
	if n, err := c.Read(got); n != 1 || err != nil || got[0] != 'c' || waits != 0 || c.file != nil {
		t.Fatalf("read: got %q, %v after %d waits", got[:n], err, waits)
	}
	go peer.Write([]byte("d"))
	if n, err := c.Read(got); n != 1 || err != nil || got[0] != 'd' {
		t.Fatalf("read: got %q, %v", got[:n], err)
	}
	if waits > 1 {
		t.Errorf("told of %d waits, want one at most", waits)
	}
	peer.Close()
	if _, err := c.Read(got); err != io.EOF {
		t.Errorf("read at the end: got %v, want EOF", err)
	}
}

func TestDeadlineAndCloseEndAWait(t *testing.T) {
	c, _ := pair(t)
	c.SetDeadline(time.Now().Add(10 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read under a deadline: got %v", err)
	}
	c.SetDeadline(time.Time{})
	waiting := make(chan struct{})
	c, _ = pair(t)
	c.OnWait(func() { close(waiting) })
	failed := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		failed <- err
	}()
	<-waiting
	c.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of what was closed: got %v, want net.ErrClosed", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after close: got %v, want net.ErrClosed", err)
	}
}

func TestDisturbanceIsTold(t *testing.T) {
	c, _ := pair(t)
	told := 0
	c.OnDisturb(func() { told++ })
	c.SetReadDeadline(time.Now())
	c.Close()
	if told != 2 {
		t.Errorf("told %d times, want 2", told)
	}
}

func TestWriteOfMoreThanTheKernelTakesWaits(t *testing.T) {
	c, peer := pair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		c.CloseWrite()
		sent <- err
	}()
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want the %d that were sent", len(got), err, len(want))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestTakenDescriptorIsTheCallers(t *testing.T) {
	for _, attached := range []bool{false, true} {
		c, peer := pair(t)
		if attached {
			if _, err := c.SyscallConn(); err != nil {
				t.Fatal(err)
			}
		}
		fd, ok := c.Take()
		if !ok {
			t.Fatalf("attached %v: nothing to take", attached)
		}
		c.Close() // touches nothing
		if n, errno := Send(fd, []byte("x")); n != 1 || errno != 0 {
			t.Errorf("attached %v: send: got %d, %v", attached, n, errno)
		}
		if _, err := io.ReadFull(peer, make([]byte, 1)); err != nil {
			t.Errorf("attached %v: %v", attached, err)
		}
		if _, ok := c.Take(); ok {
			t.Errorf("attached %v: taken twice", attached)
		}
		Close(fd)
	}
}

func TestConnectTellsWhoRefuses(t *testing.T) {
	l := listen(t)
	address := l.address
	l.Close()
	c, underWay, err := Connect(address, netip.Addr{}, keepAlive)
	if err == nil && underWay {
		err = c.Await(context.Background())
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connect to a closed port: got %v, want ECONNREFUSED", err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	// A full backlog: the kernel answers no further SYN.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	for range 16 {
		c, underWay, err := Connect(to, netip.Addr{}, keepAlive)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if !underWay {
			c.Write([]byte("x")) // with which it is there for the peer
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if err := c.Await(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("await: got %v, want the end of the context", err)
		}
		return
	}
	t.Error("the backlog was never full")
}

func TestPollerTellsOnceAndWakes(t *testing.T) {
	p, err := NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, peer := pair(t)
	if err := c.Watch(p, 3); err != nil {
		t.Fatal(err)
	}
	if events := p.Wait(time.Millisecond); len(events) != 0 {
		t.Errorf("before anything happened: got %v", events)
	}
	peer.Write([]byte("x"))
	if events := p.Wait(10 * time.Second); len(events) != 1 || events[0].Token != 3 || !events[0].In || events[0].Ended {
		t.Errorf("something to read: got %+v", events)
	}
	peer.Write([]byte("y"))
	if events := p.Wait(time.Millisecond); len(events) != 0 {
		t.Errorf("it tells once: got %v", events)
	}
	c.Unwatch(p)
	if err := c.Watch(p, 3); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	if events := p.Wait(10 * time.Second); len(events) != 1 || !events[0].In {
		t.Errorf("again: got %+v", events)
	}
	go p.Wake()
	if events := p.Wait(-1); len(events) != 0 {
		t.Errorf("woken: got %v, want nothing", events)
	}
}

func TestEndOfAPeerIsSeenOnceNothingIsLeftToRead(t *testing.T) {
	for _, tc := range []struct {
		name   string
		sends  string
		unread string
		leave  func(c *Conn, peer *net.TCPConn) error
		ended  bool
	}{
		{"is there", "", "", nil, false},
		{"has sent", "x", "", nil, false},
		{"closed", "", "", func(_ *Conn, peer *net.TCPConn) error { return peer.Close() }, true},
		{"ended its stream", "", "", func(_ *Conn, peer *net.TCPConn) error { return peer.CloseWrite() }, true},
		{"sent, and closed", "x", "", func(_ *Conn, peer *net.TCPConn) error { return peer.Close() }, false},
		{"closed, what it sent was given back", "", "x", func(_ *Conn, peer *net.TCPConn) error { return peer.Close() }, false},
		{"reset", "", "", func(_ *Conn, peer *net.TCPConn) error { peer.SetLinger(0); return peer.Close() }, true},
		{"closed by us", "", "", func(c *Conn, _ *net.TCPConn) error { return c.Close() }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, peer := pair(t)
			c.Unread([]byte(tc.unread))
			if _, err := peer.Write([]byte(tc.sends)); err != nil {
				t.Fatal(err)
			}
			if tc.leave != nil {
				if err := tc.leave(c, peer); err != nil {
					t.Fatal(err)
				}
			}
			got := c.Ended()
			for patience := time.Now().Add(10 * time.Second); tc.ended && !got && time.Now().Before(patience); got = c.Ended() {
				time.Sleep(time.Millisecond)
			}
			if got != tc.ended {
				t.Errorf("ended: got %v, want %v", got, tc.ended)
			}
			if tc.sends == "" {
				return
			}
			b := make([]byte, len(tc.sends))
			c.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.ReadFull(c, b); err != nil || string(b) != tc.sends { // looking took nothing of it
				t.Errorf("read afterwards: got %q, %v, want %q", b, err, tc.sends)
			}
		})
	}
}
