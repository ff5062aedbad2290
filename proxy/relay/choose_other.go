//go:build !linux

package relay

import "errors"

func best(int) (engine Relay, name, why string) {
	return Goroutines{}, EngineGoroutine, "this system has no other"
}

func eventLoops(string, int) (Relay, error) { return nil, errors.New("it wants Linux") }
