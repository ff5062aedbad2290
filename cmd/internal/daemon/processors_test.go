package daemon

import (
	"testing"

	"mqttward/proxy/relay"
)

func TestRingIsGivenAPlaceOfItsOwn(t *testing.T) {
	for engine, want := range map[string]int{relay.EngineUring: 3, relay.EngineEpoll: 2, relay.EngineGoroutine: 2} {
		d := &Daemon{processors: 2, engine: engine}
		if got := d.places(&generation{}); got != want {
			t.Errorf("%s: got %d places, want %d", engine, got, want)
		}
	}
}
