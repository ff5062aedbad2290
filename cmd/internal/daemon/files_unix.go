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

// checkPrivate refuses a file that others than its owner may read or write. One of root's its group
// may read: so a secret is given to a process that is not root's, by Kubernetes for example, which
// makes the pod's fsGroup that group.
func checkPrivate(info fs.FileInfo) error {
	mode, allowed := info.Mode().Perm(), fs.FileMode(0o700)
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid == 0 {
		allowed |= 0o040
	}
	if mode&^allowed != 0 {
		return fmt.Errorf("its mode is %04o: nobody but its owner may read it (chmod 600), or root's group where root owns it (chmod 640)", mode)
	}
	return nil
}
