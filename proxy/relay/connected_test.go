package relay_test

import (
	"net"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// tellsWrites is a client's connection that calls f once its first bytes are with the client.
type tellsWrites struct {
	*net.TCPConn
	f func()
}

func (c *tellsWrites) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	if f := c.f; f != nil {
		c.f = nil
		f()
	}
	return n, err
}

// A client that has its CONNACK is owed its DISCONNECT, however soon after it the session ends.
// Only this engine writes by way of the connection; with the loops an end waits for its turn.
func TestDisconnectRightAfterTheConnack(t *testing.T) {
	proxytest.CheckLeaks(t)
	r := newRig(t, relay.Goroutines{}, time.Second, tcpPair)
	started := make(chan struct{})
	r.pair.Client = &tellsWrites{r.pair.Client.(*net.TCPConn), func() { <-started; r.link.End(farewell()) }}
	r.start(0)
	close(started)
	answer := packets.AppendConnack(nil, packets.V5, packets.Success, "")
	send(t, r.broker, answer)
	expect(t, r.client, answer)
	expect(t, r.client, disconnect)
	expectEnd(t, r.client)
}
