package relay

import "runtime"

// best returns the first engine of the best that the kernel allows.
func best(n int) (engine Relay, name, why string) {
	engine, errRing := eventLoops(EngineUring, n)
	if errRing == nil {
		return engine, EngineUring, "the best on Linux"
	}
	engine, err := eventLoops(EngineEpoll, n)
	if err == nil {
		return engine, EngineEpoll, errRing.Error()
	}
	return Goroutines{}, EngineGoroutine, err.Error()
}

// eventLoops starts n event loops; 0 means that their number follows the sessions, up to one for
// each processor.
func eventLoops(engine string, n int) (Relay, error) {
	drive, few := newEpoll, fewSessions
	if engine == EngineUring {
		drive, few = newRing, fewOfARing
	}
	if n == 0 {
		return newLoops(drive, runtime.GOMAXPROCS(0), few)
	}
	return newLoops(drive, n, 1)
}
