//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package proxy

import (
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
