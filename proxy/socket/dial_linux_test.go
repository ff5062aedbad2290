package socket_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mqttward/proxy/socket"
)

// A broker on the same machine is down, and its port is one that the kernel may choose for us.
func TestConnectDoesNotReachItself(t *testing.T) {
	to := freeEvenPort(t)
	for range 200_000 {
		c, underWay, err := socket.Connect(to, netip.Addr{}, net.KeepAliveConfig{})
		if err == nil && underWay { // the kernel is busy
			err = c.Await(t.Context())
			c.Close()
		}
		if err == nil {
			c.Close()
			t.Fatalf("connect to a port where nobody listens: got a connection, under way: %v", underWay)
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("connect: got %v, want ECONNREFUSED", err)
		}
	}
}

// freeEvenPort returns an address of a port that Linux tries first for those who connect, and
// where nobody listens.
func freeEvenPort(t testing.TB) netip.AddrPort {
	t.Helper()
	for port := uint16(40_000); port < 41_000; port += 2 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{127, 0, 0, 1}})
		unix.Close(fd)
		if err == nil {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
		}
	}
	t.Skip("no port is free")
	return netip.AddrPort{}
}
