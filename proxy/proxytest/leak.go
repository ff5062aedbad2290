package proxytest

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// CheckLeaks makes the test fail if, when everything else of it has been cleaned up, there
// are more goroutines or descriptors than now. Call it first.
func CheckLeaks(t testing.TB) {
	t.Helper()
	goroutines := goleak.IgnoreCurrent()
	// The runtime's poller opens two descriptors with the first that it waits for, and keeps them.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	files := openFiles()
	t.Cleanup(func() {
		if t.Failed() {
			return // what failed may well have left something; that is no second finding
		}
		deadline := time.Now().Add(patience)
		err := goleak.Find(goroutines)
		for err != nil && time.Now().Before(deadline) {
			err = goleak.Find(goroutines) // it waits for half a second itself
		}
		if err != nil {
			t.Error(err)
		}
		for openFiles() > files && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond) // the runtime closes some late
		}
		if now := openFiles(); now > files {
			t.Errorf("descriptors: got %d, want at most the %d of before", now, files)
		}
	})
}

// openFiles counts this process's descriptors, or returns 0 where the system does not tell.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
