package relay_test

import (
	"sync"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Sessions come and go while others are at work: each has its own bytes, wherever its place in the
// engine was somebody else's before.
func TestManySessionsComeAndGo(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			engine := newEngine(t, name)
			var all sync.WaitGroup
			for range 32 {
				all.Go(func() {
					for range 20 {
						r := newRig(t, engine, time.Minute, tcpPair)
						r.start(packets.V311)
						for n := range 3 {
							send(t, r.client, publish(n))
							expect(t, r.broker, publish(n))
						}
						r.client.Close()
						expectEnd(t, r.broker)
						r.broker.Close()
						r.end()
					}
				})
			}
			all.Wait()
		})
	}
}
