package socket

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Listener is a listening TCP socket that the runtime's poller does not know.
type Listener struct {
	address netip.AddrPort

	mu sync.Mutex
	fd int // -1: closed
}

// NewListener takes the socket of l, which it closes. What l's socket has of TCP_NODELAY and
// keep-alive is inherited by what is accepted: Linux copies both.
func NewListener(l *net.TCPListener, keepAlive net.KeepAliveConfig) (*Listener, error) {
	defer l.Close()
	raw, err := l.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	var errDup error
	if err := raw.Control(func(old uintptr) { fd, errDup = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if errDup != nil {
		return nil, fmt.Errorf("duplicate the listening socket: %w", errDup)
	}
	if err := setOptions(fd, keepAlive); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Listener{fd: fd, address: l.Addr().(*net.TCPAddr).AddrPort()}, nil
}

// setOptions sets what every connection is to have.
func setOptions(fd int, k net.KeepAliveConfig) error {
	options := [...]struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(k.Idle.Seconds())},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(k.Interval.Seconds())},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count},
	}
	for i, o := range options {
		if i > 0 && (!k.Enable || o.value <= 0) {
			continue
		}
		if err := setOption(fd, o.level, o.name, int32(o.value)); err != nil {
			return fmt.Errorf("setsockopt: %w", err)
		}
	}
	return nil
}

// AcceptNow accepts without waiting: the error is syscall.EAGAIN where nobody is there, and
// net.ErrClosed after Close.
func (l *Listener) AcceptNow() (*Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return nil, net.ErrClosed
	}
	fd, remote, errno := accept(l.fd)
	if errno != 0 {
		return nil, errno
	}
	return newConn(fd, l.address, remote), nil
}

// Accept is not how this listener is used; it implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) { return nil, syscall.ENOTSUP }

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return net.ErrClosed
	}
	err := Close(l.fd)
	l.fd = -1
	return err
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.address) }

// SyscallConn implements [syscall.Conn]. Only Control works: nothing waits here.
func (l *Listener) SyscallConn() (syscall.RawConn, error) { return rawListener{l}, nil }

type rawListener struct{ *Listener }

func (r rawListener) Control(f func(fd uintptr)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return net.ErrClosed
	}
	f(uintptr(r.fd))
	return nil
}

func (rawListener) Read(func(fd uintptr) bool) error  { return syscall.ENOTSUP }
func (rawListener) Write(func(fd uintptr) bool) error { return syscall.ENOTSUP }
