package relay_test

import (
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// A broker takes nothing more and says nothing, over a kind of socket that can do so: nothing else
// ever happens, and the session ends all the same.
func TestBrokerThatIsDeafAndDumb(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, newEngine(t, name), 300*time.Millisecond, unixPair)
			r.start(packets.V5)
			if err := r.broker.(*net.UnixConn).CloseRead(); err != nil {
				t.Fatal(err)
			}
			send(t, r.client, publish(10))
			r.expectCause(relay.UpstreamReset)
		})
	}
}
