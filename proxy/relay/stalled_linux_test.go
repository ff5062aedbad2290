package relay_test

import (
	"net"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// Where one side is gone, a session whose other side takes nothing must not stay for ever: a
// device that hangs would hold its place although the broker has long cut it off.
func TestSideThatStopsReadingDoesNotKeepASessionWhoseOtherSideIsGone(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for _, test := range []struct {
		name  string
		ends  func(r *rig) (gone, stalled, ours net.Conn)
		cause relay.Cause
	}{
		{"the broker closes", func(r *rig) (_, _, _ net.Conn) { return r.broker, r.client, r.pair.Client }, relay.UpstreamClosed},
		{"the client closes", func(r *rig) (_, _, _ net.Conn) { return r.client, r.broker, r.pair.Upstream }, relay.ClientClosed},
	} {
		for _, name := range loopEngines {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				proxytest.CheckLeaks(t)
				r := newRig(t, newEngine(t, name), timeout, tcpPair)
				gone, stalled, ours := test.ends(r)
				small(t, stalled)
				small(t, ours)
				r.start(0)
				// More than the stalled side takes, and no more than there is room for at the relay: the
				// end is seen.
				send(t, gone, make([]byte, 100<<10))
				closeWrite(t, gone)
				r.expectCause(test.cause)
			})
		}
	}
}
