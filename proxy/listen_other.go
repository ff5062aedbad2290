//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// reusePort can't be had here.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return fmt.Errorf("share a port between processes: %w", errors.ErrUnsupported)
}

// checkListens can't tell here.
func checkListens(*net.TCPListener) error { return nil }

// duplicate can't be had here.
func duplicate(syscall.RawConn) (*os.File, error) { return nil, errors.ErrUnsupported }
