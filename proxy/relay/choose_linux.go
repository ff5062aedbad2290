package relay

import (
	"runtime"
	"time"
)

// now is the time in Unix nanoseconds.
func now() int64 { return time.Now().UnixNano() }

// best returns the first engine of the best that the kernel allows.
func best(n int) (engine Relay, name, why string) {
	engine, err := eventLoops(n)
	if err == nil {
		return engine, EngineEpoll, "the best on Linux"
	}
	return Goroutines{}, EngineGoroutine, err.Error()
}

// eventLoops starts n event loops; 0 means that their number follows the sessions, up to one for
// each processor.
func eventLoops(n int) (Relay, error) {
	if n == 0 {
		return newLoops(runtime.GOMAXPROCS(0), fewSessions)
	}
	return newLoops(n, 1)
}
