package relay

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/proxy/proxytest"
)

// Descriptors were short when another loop was wanted: it is tried again, but not for each session.
func TestLoopThatCouldNotBeHadIsTriedAgain(t *testing.T) {
	proxytest.CheckLeaks(t)
	tried, short := 0, false
	e, err := newLoops(func(l *loop) (driver, error) {
		if tried++; short {
			return nil, unix.EMFILE
		}
		return newEpoll(l)
	}, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	first := e.pick(time.Now())
	first.sessions.Add(1)
	short = true
	for range 3 {
		if e.pick(time.Now()) != first {
			t.Error("without another loop: got another one")
		}
	}
	if tried != 2 {
		t.Errorf("tried %d times, want the first loop and the second once", tried)
	}
	short = false
	e.failed = e.failed.Add(-againAfter)
	if e.pick(time.Now()) == first {
		t.Error("when another could be had: got the first")
	}
}
