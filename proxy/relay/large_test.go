package relay_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// stream is packets of many sizes, large ones among them, whose bytes all differ.
func stream(seed uint64, sizes ...int) []byte {
	r := rand.New(rand.NewPCG(seed, seed))
	var all []byte
	for _, n := range sizes {
		p := publish(n)
		for i := len(p) - n; i < len(p); i++ {
			p[i] = byte(r.Uint32())
		}
		all = append(all, p...)
	}
	return all
}

// Large packets take another way through the kernel; small ones before, between and behind them
// do not, and all arrive once and in order, at a reader that is slow at first.
func TestLargePacketsAmongSmallOnesArriveInOrder(t *testing.T) {
	sent := stream(1, 10, 1<<20, 10, 3, 200<<10, 64<<10, 64<<10, 64<<10, 5, 17<<10, 15<<10, 3<<20, 1, 1)
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			for p := range slices.Chunk(sent, 100_000) {
				_, _ = r.client.Write(p)
			}
			_ = r.client.(interface{ CloseWrite() error }).CloseWrite()
		}()
		time.Sleep(20 * time.Millisecond) // both kernel buffers fill, and the relay is blocked
		got := readAll(t, r.broker)
		<-wrote
		if !bytes.Equal(got, sent) {
			t.Errorf("the broker got %d bytes, want the %d that were sent", len(got), len(sent))
		}
		r.broker.Close()
		if e := r.end(); e.BytesUp != uint64(len(sent)) {
			t.Errorf("bytes up: got %d, want %d", e.BytesUp, len(sent))
		}
	})
}

func TestInsertionBehindALargePacket(t *testing.T) {
	eachEngineInTime(t, time.Minute, func(t *testing.T, r *rig) error {
		first, second := stream(2, 1<<20), stream(3, 1<<20)
		go func() {
			_, _ = r.broker.Write(append(bytes.Clone(first), second...))
		}()
		expect(t, r.client, first[:100_000])
		r.link.End(relay.Farewell{Cause: relay.Drained, Down: disconnect})
		// Either packet may be the last; after it comes the farewell, and the end.
		got := readUntilEnd(r.client)
		rest := first[100_000:]
		if !bytes.Equal(got, append(bytes.Clone(rest), disconnect...)) &&
			!bytes.Equal(got, append(append(bytes.Clone(rest), second...), disconnect...)) {
			return fmt.Errorf("the client got %d bytes, ending in % x", len(got), head(got[max(0, len(got)-8):]))
		}
		return nil
	})
}

func TestSideThatResetsInsideALargePacket(t *testing.T) {
	eachPlainEngine(t, 2*time.Second, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		go func() { _, _ = r.client.Write(stream(4, 8<<20)) }()
		_ = readSlowly(t, r.broker, 1<<20)
		reset(t, r.broker)
		e := r.end()
		if _, two := r.engine.(relay.Goroutines); two && e.Cause == relay.UpstreamClosed {
			return // the one that writes was told of the reset, and the one that reads of an end, first
		}
		if e.Cause != relay.UpstreamReset {
			t.Errorf("cause: got %q, want %q", e.Cause, relay.UpstreamReset)
		}
	})
}
