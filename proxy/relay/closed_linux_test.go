package relay

import (
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"mqttward/proxy/proxytest"
)

// A link may be used after its engine was closed. The descriptor that woke the loop is somebody
// else's by then, and must not be written to.
func TestOrderForALoopThatHasEndedWritesNowhere(t *testing.T) {
	proxytest.CheckLeaks(t)
	before := eventDescriptors(t)
	l, err := newLoop(newEpoll)
	if err != nil {
		t.Fatal(err)
	}
	wake := -1
	for fd := range eventDescriptors(t) {
		if !before[fd] {
			wake = fd
		}
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	l.close()
	// Whatever was the loop's is the pipe's now.
	if err := unix.Dup3(pipe[1], wake, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(wake)
	(&circuit{loop: l}).Kill(Forced)
	if n, err := unix.Read(pipe[0], make([]byte, 8)); err != syscall.EAGAIN {
		t.Errorf("somebody else's descriptor: got %d bytes, %v", n, err)
	}
}

// eventDescriptors are the process's eventfds.
func eventDescriptors(t testing.TB) map[int]bool {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	found := map[int]bool{}
	for _, e := range entries {
		to, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if fd, err := strconv.Atoi(e.Name()); err == nil && to == "anon_inode:[eventfd]" {
			found[fd] = true
		}
	}
	return found
}
