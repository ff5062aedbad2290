package relay

import "fmt"

// The engines' names, as the configuration has them.
const (
	EngineAuto      = "auto"      // the best that there is
	EngineUring     = "uring"     // event loops over io_uring: Linux 6.1, where it is allowed
	EngineEpoll     = "epoll"     // event loops over epoll: Linux
	EngineGoroutine = "goroutine" // two goroutines a session: everywhere
)

// Options say which engine serves.
type Options struct {
	// Engine is one of the names above; empty means EngineAuto.
	Engine string
	// Loops is the number of event loops; 0 means that it follows the sessions, up to one for each
	// processor.
	Loops int
}

// New returns the engine that o asks for, its name, and why it is that one. It must be closed.
// It fails where the engine that is asked for by name is not to be had here.
func New(o Options) (engine Relay, name, why string, err error) {
	switch o.Engine {
	case "", EngineAuto:
		engine, name, why = best(o.Loops)
		return engine, name, why, nil
	case EngineGoroutine:
		return Goroutines{}, EngineGoroutine, "it was asked for", nil
	case EngineUring, EngineEpoll:
		if engine, err = eventLoops(o.Engine, o.Loops); err != nil {
			return nil, "", "", fmt.Errorf("engine %s: %w", o.Engine, err)
		}
		return engine, o.Engine, "it was asked for", nil
	}
	return nil, "", "", fmt.Errorf("engine %q is none of auto, uring, epoll, goroutine", o.Engine)
}
