package uring

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newRing returns a ring of the test's thread, or skips the test where the kernel allows none.
func newRing(t *testing.T, o Options) *Ring {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	r, err := New(o)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(r.Close)
	return r
}

var small = Options{Requests: 8, Completions: 16, Buffers: 4, BufferSize: 32}

// pair is two connected sockets that do not block.
func pair(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

// next waits for completions.
func next(t *testing.T, r *Ring) []Completion {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		r.Wait(time.Second)
		if got := r.Take(nil); len(got) > 0 {
			return got
		}
	}
	t.Fatal("nothing was completed")
	return nil
}

// none demands that nothing completes.
func none(t *testing.T, r *Ring) {
	t.Helper()
	r.Wait(20 * time.Millisecond)
	if got := r.Take(nil); len(got) > 0 {
		t.Fatalf("completed: %+v, want nothing", got)
	}
}

func write(t *testing.T, fd int, s string) {
	t.Helper()
	if n, err := unix.Write(fd, []byte(s)); n != len(s) || err != nil {
		t.Fatalf("write: %d, %v", n, err)
	}
}

func TestReceiveStandsUntilTheStreamEnds(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	r.Receive(a, 7)
	none(t, r)
	for _, word := range []string{"one", "two", "three"} {
		write(t, b, word)
		got := next(t, r)
		if len(got) != 1 || got[0].Token != 7 || !got[0].More || got[0].Buffer == None {
			t.Fatalf("%s: got %+v", word, got)
		}
		if p := r.Buffer(got[0].Buffer, got[0].N); string(p) != word {
			t.Errorf("got %q, want %q", p, word)
		}
		r.GiveBack(got[0].Buffer)
	}
	unix.Shutdown(b, unix.SHUT_WR)
	if got := next(t, r); len(got) != 1 || got[0].N != 0 || got[0].Errno != 0 || got[0].More || got[0].Buffer != None {
		t.Errorf("at the end: got %+v", got)
	}
	if r.Ours() != 0 {
		t.Errorf("%d buffers are ours, want 0", r.Ours())
	}
}

func TestReceiveSaysWhenBuffersRunOut(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 16) // twice what the buffers take
	write(t, b, string(sent))
	var received []byte
	var kept []BufferID
	var last Completion
	r.Receive(a, 1)
	for standing := true; standing; {
		for _, c := range next(t, r) {
			if c.Buffer != None {
				received = append(received, r.Buffer(c.Buffer, c.N)...)
				kept = append(kept, c.Buffer)
			}
			last, standing = c, c.More
		}
	}
	if last.Errno != unix.ENOBUFS || len(kept) != small.Buffers || r.Ours() != small.Buffers {
		t.Fatalf("got %+v with %d buffers, want ENOBUFS with all", last, len(kept))
	}
	r.GiveBack(kept...)
	r.Receive(a, 1)
	for len(received) < len(sent) {
		for _, c := range next(t, r) {
			if c.Buffer != None {
				received = append(received, r.Buffer(c.Buffer, c.N)...)
				r.GiveBack(c.Buffer)
			}
		}
	}
	if !bytes.Equal(received, sent) {
		t.Errorf("got %q", received)
	}
}

// received has a and b give a buffer with n bytes to send from.
func received(t *testing.T, r *Ring, n int) (BufferID, []byte) {
	t.Helper()
	a, b := pair(t)
	write(t, b, string(bytes.Repeat([]byte{'x'}, n)))
	r.Receive(a, 99)
	got := next(t, r)
	if got[0].N != n {
		t.Fatalf("got %+v, want %d bytes", got, n)
	}
	return got[0].Buffer, r.Buffer(got[0].Buffer, n)
}

func TestSendIsSilentWhereAllWasTaken(t *testing.T) {
	r := newRing(t, small)
	id, p := received(t, r, 5)
	a, b := pair(t)
	r.Send(a, p, 3)
	r.Submit()
	if r.Completed() {
		t.Fatalf("completed: %+v", r.Take(nil))
	}
	buf := make([]byte, 32)
	if n, err := unix.Read(b, buf); n != 5 || err != nil { // at once: nothing is left to others
		t.Errorf("read: %d, %v, want 5", n, err)
	}
	r.GiveBack(id)
}

// A stream socket over TCP takes a part where there is room for a part.
func TestSendSaysHowMuchWasTaken(t *testing.T) {
	r := newRing(t, Options{Requests: 8, Completions: 16, Buffers: 2, BufferSize: 256 << 10})
	id, p := received(t, r, 128<<10)
	a, b := tcpPair(t)
	taken := 0
	for range 1000 {
		r.Send(a, p, 3)
		r.Submit()
		got := r.Take(nil)
		if len(got) == 0 {
			taken += len(p)
			continue
		}
		if len(got) != 1 || got[0].Token != 3 || got[0].More {
			t.Fatalf("got %+v", got)
		}
		if got[0].Errno != 0 && got[0].Errno != unix.EAGAIN || got[0].N >= len(p) {
			t.Fatalf("got %+v, want less than %d, or EAGAIN", got[0], len(p))
		}
		taken += got[0].N
		if got[0].Errno == 0 {
			continue // and now there is no room at all, unless the kernel has made some meanwhile
		}
		read := 0
		for buf := make([]byte, 64<<10); read < taken; {
			n, err := unix.Read(b, buf)
			if err == unix.EAGAIN {
				time.Sleep(time.Millisecond)
				continue
			}
			if n <= 0 || err != nil {
				t.Fatalf("read after %d: %d, %v", read, n, err)
			}
			read += n
		}
		time.Sleep(10 * time.Millisecond)
		if n, err := unix.Read(b, make([]byte, 1)); err != unix.EAGAIN {
			t.Errorf("more was sent than was said: %d, %v", n, err)
		}
		r.GiveBack(id)
		return
	}
	t.Fatal("the socket took everything")
}

// Without MSG_WAITALL a short send counts as a success, of which nothing is told.
func TestRingThatDoesNotSayWhatWasTakenIsNotUsed(t *testing.T) {
	r := newRing(t, small)
	silent := func(fd int, p []byte, token Token) {
		r.Send(fd, p, token)
		r.sqes[(r.next-1)&r.sqMask].opFlags &^= unix.MSG_WAITALL
	}
	if err := r.tryShortSend(silent); err != errSilent {
		t.Errorf("got %v, want %v", err, errSilent)
	}
	if err := r.tryShortSend(r.Send); err != nil {
		t.Error(err)
	}
}

// tcpPair is two ends of a TCP connection that do not block.
func tcpPair(t *testing.T) (a, b int) {
	t.Helper()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(l)
	if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(l, 1); err != nil {
		t.Fatal(err)
	}
	to, err := unix.Getsockname(l)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(a) })
	if err := unix.Connect(a, to); err != nil {
		t.Fatal(err)
	}
	if b, _, err = unix.Accept(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(b) })
	unix.SetNonblock(a, true)
	unix.SetNonblock(b, true)
	return a, b
}

func TestSendToNobody(t *testing.T) {
	r := newRing(t, small)
	id, p := received(t, r, 5)
	a, b := pair(t)
	unix.Close(b)
	r.Send(a, p, 3)
	r.Submit()
	if got := r.Take(nil); len(got) != 1 || got[0].Errno != unix.EPIPE || got[0].Token != 3 {
		t.Errorf("got %+v, want EPIPE", got)
	}
	r.GiveBack(id)
}

func TestSendsRunInTheirOrder(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	var want []byte
	var ids []BufferID
	for i := range 3 {
		id, p := received(t, r, 8+i)
		for k := range p {
			p[k] = byte('a' + i)
		}
		want = append(want, p...)
		ids = append(ids, id)
		r.Send(a, p, Token(i))
	}
	r.Submit()
	buf := make([]byte, 64)
	n, err := unix.Read(b, buf)
	if err != nil || !bytes.Equal(buf[:n], want) {
		t.Errorf("read: %q, %v, want %q", buf[:max(n, 0)], err, want)
	}
	r.GiveBack(ids...)
}

func TestPollTellsOnceAndPollAlwaysEachTime(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	r.Poll(a, unix.POLLIN, 1)
	none(t, r)
	write(t, b, "x")
	if got := next(t, r); len(got) != 1 || got[0].Token != 1 || got[0].More || got[0].N&unix.POLLIN == 0 {
		t.Errorf("once: got %+v", got)
	}
	write(t, b, "x")
	none(t, r)
	c, d := pair(t)
	r.PollAlways(c, unix.POLLIN, 2)
	for range 3 {
		write(t, d, "x")
		if got := next(t, r); len(got) != 1 || got[0].Token != 2 || !got[0].More {
			t.Errorf("always: got %+v", got)
		}
		none(t, r)
	}
}

func TestPollForRoomTellsOfTheEndToo(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	r.Poll(a, unix.POLLRDHUP, 1)
	write(t, b, "x") // is nothing that was asked for
	none(t, r)
	unix.Close(b)
	if got := next(t, r); len(got) != 1 || got[0].N&(unix.POLLHUP|unix.POLLRDHUP) == 0 {
		t.Errorf("got %+v", got)
	}
}

func TestCancelEndsAStandingRequest(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	r.Receive(a, 7)
	none(t, r)
	r.Cancel(7, 8)
	if got := next(t, r); len(got) != 1 || got[0].Token != 7 || got[0].Errno != unix.ECANCELED || got[0].More {
		t.Fatalf("got %+v, want ECANCELED", got)
	}
	write(t, b, "x") // is left in the socket
	none(t, r)
	buf := make([]byte, 2)
	if n, err := unix.Read(a, buf); n != 1 || err != nil {
		t.Errorf("read: %d, %v", n, err)
	}
	r.Cancel(7, 8)
	if got := next(t, r); len(got) != 1 || got[0].Token != 8 || got[0].Errno != unix.ENOENT {
		t.Errorf("cancelling nothing: got %+v, want ENOENT", got)
	}
}

// A request holds its socket: closing the descriptor alone does not end the connection.
func TestClosedSocketIsThereUntilItsRequestEnds(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	dup, err := unix.Dup(a)
	if err != nil {
		t.Fatal(err)
	}
	r.Receive(dup, 7)
	none(t, r)
	unix.Close(dup)
	unix.Shutdown(a, unix.SHUT_RD) // wakes it, and keeps the other direction
	if got := next(t, r); got[0].Token != 7 || got[0].N != 0 {
		t.Errorf("got %+v", got)
	}
	_ = b
}

func TestMoreRequestsThanThereIsRoomFor(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	for i := range 5 * small.Requests {
		r.Poll(a, unix.POLLIN, Token(i))
	}
	r.Submit()
	write(t, b, "x")
	seen := map[Token]bool{}
	for len(seen) < int(5*small.Requests) {
		for _, c := range next(t, r) {
			seen[c.Token] = true
		}
	}
}

func TestNamesWhatTheKernelHasNotBeenGiven(t *testing.T) {
	r := newRing(t, small)
	a, b := pair(t)
	r.Poll(a, unix.POLLIN, 1)
	if !r.Names(a) || r.Names(b) {
		t.Errorf("prepared: got %v, %v, want true of the first alone", r.Names(a), r.Names(b))
	}
	r.Submit()
	if r.Names(a) {
		t.Error("submitted: got true, want false")
	}
}

func TestWaitEndsWithItsTime(t *testing.T) {
	r := newRing(t, small)
	begun := time.Now()
	r.Wait(30 * time.Millisecond)
	if took := time.Since(begun); took < 30*time.Millisecond || took > 20*time.Second {
		t.Errorf("waited %v, want 30 ms", took)
	}
	begun = time.Now()
	r.Wait(0)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("waited %v, want not at all", took)
	}
}
