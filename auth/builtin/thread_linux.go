package builtin

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// niceness is how much the workers' nice value is above the process's: next to busy threads
// they get about a tenth of a processor's time, and all of it where nothing else wants to run.
const niceness = 10

// maxNice is Linux's highest nice value.
const maxNice = 19

// onOwnThread runs f on a thread that nothing else ever runs on. The thread ends with f,
// since its goroutine ends while locked to it, so that f may change the thread for good.
func onOwnThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	// The main thread can't end. It is held here until another goroutine has found
	// itself a thread, which is then not the main one.
	found := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(found)
		f()
	}()
	<-found
	runtime.UnlockOSThread()
}

// lowerPriority lets the calling thread yield to the others. Linux keeps a nice value for
// each thread, against POSIX.
func lowerPriority() error {
	tid := unix.Gettid()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		return err
	}
	usual := 20 - raw // the system call's way to keep clear of negative results
	return unix.Setpriority(unix.PRIO_PROCESS, tid, min(usual+niceness, maxNice))
}
