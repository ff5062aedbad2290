//go:build unix

package daemon

import (
	"fmt"
	"io/fs"
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

// checkPrivate refuses a file that others than its owner may read or write.
func checkPrivate(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("its mode is %04o: nobody but its owner may read it (chmod 600)", mode)
	}
	return nil
}
