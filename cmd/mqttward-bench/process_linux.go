package main

import (
	"fmt"
	"syscall"
)

// ownGroup makes a process the leader of a group, so that an interrupt at the terminal goes
// to this program alone, which then ends the others. Should this program itself be killed,
// they go with it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }

// checkDescriptors fails where a process may not open so many files.
func checkDescriptors(needed int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if uint64(needed) > limit.Max {
		return fmt.Errorf("%d open files are needed in a process, and %d are allowed: take fewer connections, or raise the limit (ulimit -Hn)", needed, limit.Max)
	}
	return nil
}
