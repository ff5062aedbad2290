//go:build unix

package jwt

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// checkTrusted refuses a file that somebody else could have written: in a shared folder such
// as /tmp anybody can make one of this name.
func checkTrusted(info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("group or others may write it")
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || (st.Uid != 0 && int64(st.Uid) != int64(os.Geteuid())) {
		return errors.New("it belongs to another user")
	}
	return nil
}
