package relay

import "mqttward/proxy/relay/uring"

// NewTinyRing is an engine of one loop whose ring runs out of everything all the time.
func NewTinyRing() (Relay, error) {
	return newLoops(func(l *loop) (driver, error) {
		return newRingOf(l, uring.Options{Requests: 2, Completions: 4, Buffers: 2, BufferSize: 64})
	}, 1, 1)
}
