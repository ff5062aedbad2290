package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

// loadInterval is how long a loop is watched for one figure of its load.
const loadInterval = 100 * time.Millisecond

// busy is the share of its thread's time from which on a loop is given no more sessions, as long
// as there may be another.
const busy = 0.5

// load is how much a thread works, in the eyes of others. It is looked at by one goroutine at a
// time.
type load struct {
	clock  int32 // the thread's processor time; 0: no thread of its own
	at     time.Time
	worked int64
	share  float64
}

// threadClock is the clock of the calling thread's processor time, for others to read.
func threadClock() int32 { return int32(^unix.Gettid()<<3 | 6) }

// isBusy reports whether the thread has been at work for much of the time lately.
func (l *load) isBusy(now time.Time) bool {
	if l.clock == 0 {
		return false
	}
	since := now.Sub(l.at)
	if since < loadInterval {
		return l.share >= busy
	}
	var t unix.Timespec
	if unix.ClockGettime(l.clock, &t) != nil {
		return false
	}
	worked := t.Nano()
	if !l.at.IsZero() {
		l.share = float64(worked-l.worked) / float64(since)
	}
	l.at, l.worked = now, worked
	return l.share >= busy
}
