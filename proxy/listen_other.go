//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package proxy

import (
	"errors"
	"fmt"
	"syscall"
)

// reusePort can't be had here.
func reusePort(_, _ string, _ syscall.RawConn) error {
	return fmt.Errorf("share a port between processes: %w", errors.ErrUnsupported)
}
