package relay_test

import (
	"bytes"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// What was read of the broker before goes to the client first, and the CONNACK in it is seen, however
// much of it that was.
func TestEarlyBytes(t *testing.T) {
	answer := packets.AppendConnack(nil, packets.V5, packets.Success, "")
	all := append(bytes.Clone(answer), "\x30\x08\x00\x05topicx"...)
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		for n := 1; n <= len(all); n++ {
			next := newRig(t, r.engine, time.Second, r.kind)
			next.pair.Early = bytes.Clone(all[:n])
			next.link = next.engine.Start(next.pair)
			send(t, next.broker, all[n:])
			expect(t, next.client, all)
			if got := <-next.connacks; got.err != nil || got.code != packets.Success {
				t.Fatalf("Connack after %d bytes: got %v, %v", n, got.code, got.err)
			}
			send(t, next.client, all)
			expect(t, next.broker, all)
			next.link.End(farewell())
			expect(t, next.client, disconnect)
			expectEnd(t, next.client)
			next.client.Close()
			next.broker.Close()
			if e := next.end(); e.BytesDown != uint64(len(all)) {
				t.Fatalf("counted %d bytes down, want %d", e.BytesDown, len(all))
			}
		}
		r.start(0) // its sockets are the engine's to close
		r.link.Kill(relay.Forced)
		r.end()
	})
}

// A broker that has gone after what it said is no reason to lose it.
func TestEarlyBytesOfABrokerThatHasGone(t *testing.T) {
	eachEngine(t, time.Second, func(t *testing.T, r *rig) {
		answer := packets.AppendConnack(nil, packets.V311, packets.ConnackNotAuthorized, "")
		r.broker.Close()
		r.pair.Early = bytes.Clone(answer)
		r.link = r.engine.Start(r.pair)
		expect(t, r.client, answer)
		expectEnd(t, r.client)
		r.client.Close()
		r.end()
	})
}
