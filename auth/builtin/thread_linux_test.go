package builtin

import (
	"errors"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// niceOf returns the nice value of a thread; the raw call gives 20 less it.
func niceOf(t *testing.T, tid int) int {
	t.Helper()
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err != nil {
		t.Fatalf("Getpriority(%d): %v", tid, err)
	}
	return 20 - raw
}

func TestWorkersYieldAndTheirThreadsEnd(t *testing.T) {
	usual := niceOf(t, unix.Getpid())
	threads := make(chan int, 1)
	s := newStage(t, Options{Workers: 1, Users: slowUser(func([]byte) { threads <- unix.Gettid() })})
	s.Authenticate(t.Context(), credentials("joe", "pw"))
	tid := <-threads
	if got, want := niceOf(t, tid), min(usual+niceness, maxNice); got != want {
		t.Errorf("worker's nice value = %d, want %d", got, want)
	}
	if tid == unix.Getpid() {
		t.Error("the worker runs on the main thread, which would stay niced for ever")
	}
	if got := niceOf(t, unix.Getpid()); got != usual {
		t.Errorf("main thread's nice value = %d, want %d as before", got, usual)
	}
	s.Close()
	waitForEnd(t, tid)
}

// waitForEnd returns when the thread has ended. It ends some time after its goroutine.
func waitForEnd(t *testing.T, tid int) {
	t.Helper()
	for {
		_, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid))
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err := t.Context().Err(); err != nil {
			t.Fatalf("thread %d lives on", tid)
		}
	}
}

func TestOnOwnThreadIsNeverTheMainThread(t *testing.T) {
	for range 100 {
		tids := make(chan int)
		go onOwnThread(func() { tids <- unix.Gettid() })
		if tid := <-tids; tid == unix.Getpid() {
			t.Fatal("ran on the main thread")
		}
	}
}
