package relay_test

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// Sockets are closed, and nothing is received from them any more, when Close returns: what was to be
// received into may be somebody else's memory by then.
func TestNothingIsOpenWhenTheEngineIsClosed(t *testing.T) {
	for _, name := range loopEngines {
		t.Run(name, func(t *testing.T) {
			engine, _, _, err := relay.New(relay.Options{Engine: name})
			if err != nil {
				t.Skip(err)
			}
			var rigs []*rig
			for range 10 {
				r := newRig(t, engine, time.Second, unixPair)
				r.start(packets.V5)
				rigs = append(rigs, r)
			}
			engine.Close()
			for _, r := range rigs {
				if _, err := r.client.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
					t.Errorf("the client's write: got %v, want EPIPE", err)
				}
				r.expectCause(relay.Forced)
			}
		})
	}
}
