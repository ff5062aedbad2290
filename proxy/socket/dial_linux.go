package socket

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Connect begins to connect to an address, from another one where that is valid. A connection that is there at once, as on the same
// machine, costs no wait; where it is under way, Await must follow.
func Connect(to netip.AddrPort, from netip.Addr, keepAlive net.KeepAliveConfig) (c *Conn, underWay bool, err error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	family := unix.AF_INET6
	if to.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := open(family)
	if err != nil {
		return nil, false, os.NewSyscallError("socket", err)
	}
	c = newConn(fd, netip.AddrPort{}, to)
	if err := setOptions(fd, keepAliveTo(to.Addr(), keepAlive)); err != nil {
		c.Close()
		return nil, false, err
	}
	c.reserved.Store(acknowledge(fd, false) == nil)
	if from.IsValid() {
		if errno := bindTo(fd, from); errno != 0 {
			c.Close()
			return nil, false, os.NewSyscallError("bind", errno)
		}
	}
	errno := connect(fd, to)
	if errno == unix.EINPROGRESS || errno == unix.EINTR {
		errno = connect(fd, to) // on the same machine it is done by now
	}
	switch errno = reached(fd, to, errno); errno {
	case 0:
		return c, false, nil
	case unix.EALREADY, unix.EINPROGRESS:
		return c, true, nil
	}
	c.Close()
	return nil, false, os.NewSyscallError("connect", errno)
}

// keepAliveTo is what is asked for, but nothing where the peer is on this machine: it does not vanish
// without a word, and each of the options costs a call.
func keepAliveTo(to netip.Addr, asked net.KeepAliveConfig) net.KeepAliveConfig {
	if to.IsLoopback() {
		return net.KeepAliveConfig{}
	}
	return asked
}

// acknowledge says whether the kernel is to acknowledge what comes at once. It is not while a socket
// connects: the last segment of TCP's handshake then goes with the first bytes that are written, since
// MQTT's client speaks first, and TLS's too, and the broker is woken once, when there is something to
// read. Where nothing is written the kernel sends it by itself after some 200 ms. Once something was,
// it is again, as on any new socket: a broker under Nagle's algorithm would have to wait otherwise.
func acknowledge(fd int, atOnce bool) error {
	var value int32
	if atOnce {
		value = 1
	}
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, value)
}

// reached is what a call of connect to an address comes to: 0 where somebody is there. That the kernel
// has given the socket the very port that it connects to, so that it has reached itself, says that
// nobody listens.
func reached(fd int, to netip.AddrPort, errno unix.Errno) unix.Errno {
	switch {
	case errno != 0 && errno != unix.EISCONN:
		return errno
	case own(fd, to):
		return unix.ECONNREFUSED
	}
	return 0
}

// bindTo gives a socket its own address, and leaves the port to connect: a port that is taken for
// one peer is free for another.
func bindTo(fd int, from netip.Addr) unix.Errno {
	_ = setOption(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // without it there are fewer ports
	return bind(fd, netip.AddrPortFrom(from.Unmap(), 0))
}

// BindWithoutPort prepares a socket of package net for that: it is a net.Dialer's Control.
func BindWithoutPort(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = setOption(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) })
}

// Await waits until a connection that is under way is there, or is known not to be, or ctx ends.
// After an error it must be closed.
func (c *Conn) Await(ctx context.Context) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	var errno unix.Errno
	err = raw.Write(func(fd uintptr) bool {
		errno = reached(int(fd), c.remote, connect(int(fd), c.remote))
		return errno != unix.EALREADY && errno != unix.EINPROGRESS
	})
	switch {
	case !stop(): // the deadline above has been set, or will be
		return context.Cause(ctx)
	case err != nil:
		return readable(err)
	case errno != 0:
		return os.NewSyscallError("connect", errno)
	}
	return nil
}
