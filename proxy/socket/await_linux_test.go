package socket

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// Where the kernel is busy, a connection to itself is under way at first.
func TestAwaitOfAConnectionToItselfIsRefused(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	itself := localAddr(fd)
	c := newConn(fd, netip.AddrPort{}, itself)
	defer c.Close()
	if errno := connect(fd, itself); errno != 0 && errno != unix.EINPROGRESS {
		t.Fatal(errno)
	}
	if err := c.Await(t.Context()); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("got %v, want %v", err, unix.ECONNREFUSED)
	}
}
