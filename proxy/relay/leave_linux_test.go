package relay

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/proxy/proxytest"
)

// socketPair is two connected sockets that do not block.
func socketPair(t testing.TB) (near, far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// A session that is closed in the round in which its sockets were to be received from: their numbers
// are somebody else's by the time that the kernel is told.
func TestNothingIsReceivedFromWhoHasTheNumberNext(t *testing.T) {
	proxytest.CheckLeaks(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &loop{}
	var err error
	if l.driver, err = newRing(l); err != nil {
		t.Skip(err)
	}
	defer l.driver.close()
	c := &circuit{loop: l, owner: nobody{make(chan Cause, 1)}}
	var far [2]int
	for k := range c.sides {
		near, end := socketPair(t)
		c.sides[k].fd, far[k] = int32(near), end
	}
	l.circuits = []*circuit{c}
	number := int(c.sides[client].fd)
	l.driver.rest(c)
	c.kill(Forced)
	for _, fd := range far {
		if n, err := unix.Read(fd, make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("the session's peer: read %d, %v, want the end", n, err)
		}
	}
	near, other := socketPair(t)
	defer unix.Close(near)
	if near != number {
		if err := unix.Dup3(near, number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(number)
	}
	if _, err := unix.Write(other, []byte("somebody else's")); err != nil {
		t.Fatal(err)
	}
	// Until the last request has ended, and then for as long as it takes to be sure of the rest.
	least, most := time.Now().Add(50*time.Millisecond), time.Now().Add(20*time.Second)
	for time.Now().Before(least) || l.circuits[0] != nil && time.Now().Before(most) {
		for n := range l.driver.wait(10 * time.Millisecond) {
			if l.driver.slot(n) >= 0 {
				l.driver.deal(n, c)
			}
		}
	}
	got := make([]byte, 32)
	if n, err := unix.Read(near, got); err != nil || string(got[:n]) != "somebody else's" {
		t.Errorf("somebody else's socket: read %q, %v", got[:max(n, 0)], err)
	}
	if l.circuits[0] != nil {
		t.Errorf("the session has %d requests left, want none", c.pending)
	}
}
