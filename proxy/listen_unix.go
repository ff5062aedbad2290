//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy

import (
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort lets other processes bind the socket's address too.
func reusePort(_, _ string, c syscall.RawConn) error {
	var err error
	if bad := c.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	}); bad != nil {
		return bad
	}
	return err
}

// checkListens says whether the socket of l was made to listen: accepting would fail for ever.
func checkListens(l *net.TCPListener) error {
	raw, err := l.SyscallConn()
	if err != nil {
		return err
	}
	var listens int
	bad := raw.Control(func(fd uintptr) { listens, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ACCEPTCONN) })
	switch {
	case bad != nil:
		return bad
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case listens == 0:
		return fmt.Errorf("the socket at %s does not listen", l.Addr())
	}
	return nil
}

// duplicate does not take the way by File, which would make the socket block for both.
func duplicate(raw syscall.RawConn) (*os.File, error) {
	dup := -1
	var err error
	if bad := raw.Control(func(fd uintptr) { dup, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); bad != nil {
		return nil, bad
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(dup), "listener"), nil
}
