package relay

import (
	"runtime"
	"testing"
	"time"
)

func TestLoadIsThatOfTheThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := load{clock: threadClock()}
	begun := time.Now()
	l.isBusy(begun)
	time.Sleep(2 * loadInterval)
	if now := time.Now(); l.isBusy(now) {
		t.Errorf("asleep: got %g of the time, want less than %g", l.share, busy)
	}
	// Worked by its own clock, since others may have the processor meanwhile; told that no more time
	// than that has passed.
	worked := l.worked
	for l.worked-worked < int64(2*loadInterval) {
		l.isBusy(l.at.Add(loadInterval))
	}
	l.at, l.worked = begun, worked
	if !l.isBusy(begun.Add(2 * loadInterval)) {
		t.Errorf("at work: got %g of the time, want at least %g", l.share, busy)
	}
	var none load
	if none.isBusy(time.Now()) {
		t.Error("without a thread of its own: got busy")
	}
}
