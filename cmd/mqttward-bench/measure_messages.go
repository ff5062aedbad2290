package main

import (
	"context"
	"fmt"
	"time"
)

const (
	columnTrips  = "round trips/s"
	columnP50    = "p50 µs"
	columnP99    = "p99 µs"
	columnAdded  = "added p50 µs"
	columnRate   = "MB/s"
	columnPerGB  = "processor s/GB"
	payload      = 64 // bytes, of a round trip
	warmup       = 100 * time.Millisecond
	microseconds = float64(time.Microsecond)
)

// roundTrip measures clients that send a small message and wait until it is back.
func (b *bench) roundTrip(ctx context.Context, s settings, routes []*route) (*sheet, error) {
	result := &sheet{
		title:  fmt.Sprintf("Round trips: a PUBLISH with %d bytes of payload there and back, each client one at a time", payload),
		column: []string{columnProcessor, columnTrips, columnP50, columnP99, columnAdded},
		chart:  []string{columnProcessor, columnP99},
		notes:  []string{"Added p50: with one client, the p50 less direct's in the same round. The clients are one thread, and the broker is another."},
	}
	for range s.rounds {
		for _, n := range s.clients {
			direct := 0.0
			for _, r := range routes {
				measured, err := b.roundTripOnce(ctx, r, n, s.duration)
				if err != nil {
					return nil, err
				}
				switch {
				case r.proxy == nil:
					direct = measured[columnP50]
				case n == 1 && direct > 0:
					measured[columnAdded] = measured[columnP50] - direct
				}
				result.add(fmt.Sprintf("clients: %d", n), r.name, measured)
			}
		}
	}
	return result, nil
}

func (b *bench) roundTripOnce(ctx context.Context, r *route, n int, d time.Duration) (sample, error) {
	o := b.order(doHold, r, doorHS256)
	o.Count, o.Raw = n, true
	var err error
	if o.Passwords, err = b.password(); err != nil {
		return nil, err
	}
	if err := b.do(ctx, r, o); err != nil {
		return nil, err
	}
	if err := b.do(ctx, r, order{Do: doRoundTrip, Size: payload, Duration: warmup}); err != nil {
		return nil, err
	}
	out, seconds, ok, err := b.spent(ctx, r, order{Do: doRoundTrip, Size: payload, Duration: d})
	if err != nil {
		return nil, err
	}
	measured := sample{
		columnTrips: float64(out.Done) / out.Seconds,
		columnP50:   float64(out.P50) / microseconds, columnP99: float64(out.P99) / microseconds,
	}
	if ok {
		measured[columnProcessor] = seconds / float64(out.Done) * 1e6
	}
	return measured, b.release(ctx, r)
}

// stream measures clients that send and send.
func (b *bench) stream(ctx context.Context, s settings, routes []*route) (*sheet, error) {
	result := &sheet{
		title:  "Streams: PUBLISHes in one direction",
		column: []string{columnRate, columnPerGB},
		chart:  []string{columnRate},
		notes: []string{"MB and GB are powers of ten. The clients write 256 KiB at a time, and the broker has the kernel drop what it gets (MSG_TRUNC), " +
			"so that both leave the cores to the proxy."},
	}
	for range s.rounds {
		for _, size := range s.sizes {
			for _, n := range s.streams {
				for _, r := range routes {
					measured, err := b.streamOnce(ctx, r, n, size, s.volume)
					if err != nil {
						return nil, err
					}
					result.add(fmt.Sprintf("payload: %d bytes, streams: %d", size, n), r.name, measured)
				}
			}
		}
	}
	return result, nil
}

func (b *bench) streamOnce(ctx context.Context, r *route, streams, size, megabytes int) (sample, error) {
	o := b.order(doHold, r, doorHS256)
	o.Count, o.Size = streams, size
	packet := int64(len(publish(size)))
	o.Volume = max(1, int64(megabytes)*1e6/int64(streams)/packet) * packet
	var err error
	if o.Passwords, err = b.password(); err != nil {
		return nil, err
	}
	if err := b.do(ctx, r, o); err != nil {
		return nil, err
	}
	out, seconds, ok, err := b.spent(ctx, r, order{Do: doStream})
	if err != nil {
		return nil, err
	}
	measured := sample{columnRate: float64(out.Done) / 1e6 / out.Seconds}
	if ok {
		measured[columnPerGB] = seconds / (float64(out.Done) / 1e9)
	}
	return measured, b.release(ctx, r)
}

// release ends the connections held, and lets the proxy see to it.
func (b *bench) release(ctx context.Context, r *route) error {
	if err := b.do(ctx, r, order{Do: doRelease}); err != nil {
		return err
	}
	return wait(ctx, calm)
}
