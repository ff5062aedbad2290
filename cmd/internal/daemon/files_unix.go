//go:build unix

package daemon

import (
	"math"
	"syscall"
)

// openFilesLimit is how many files the process may have open, and whether that is known.
// The runtime has raised the soft limit to the hard one already.
func openFilesLimit() (int, bool) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, false
	}
	if uint64(l.Cur) > math.MaxInt32 {
		return 0, false
	}
	return int(l.Cur), true
}
