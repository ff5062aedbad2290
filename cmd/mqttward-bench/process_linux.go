package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup makes a process the leader of a group, so that an interrupt at the terminal goes
// to this program alone, which then ends the others. Should this program itself be killed,
// they go with it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// processorClock returns what a process has had of the processors, its ended threads included:
// the times of /proc/PID/stat, in nanoseconds rather than hundredths.
func processorClock(pid int) (time.Duration, error) {
	// The kernel's MAKE_PROCESS_CPUCLOCK, which clock_getcpuclockid(3) returns.
	const scheduled = 2
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), os.NewSyscallError("clock_gettime", err)
}

// shareSource lets a source address that was chosen have one port for several destinations: the
// port is chosen when the socket connects, and not when it is bound.
func shareSource(_, _ string, c syscall.RawConn) error {
	var err error
	if bad := c.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1))
	}); bad != nil {
		return bad
	}
	return err
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
