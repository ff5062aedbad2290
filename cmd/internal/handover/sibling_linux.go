package handover

import (
	"os"
	"os/exec"
	"syscall"
)

// asSibling has cmd start a process whose parent is this one's, and reports whether it will. The first
// process of a container has none.
func asSibling(cmd *exec.Cmd) bool {
	if os.Getpid() == 1 {
		return false
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_PARENT}
	return true
}
