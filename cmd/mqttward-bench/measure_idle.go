package main

import (
	"context"
	"fmt"
)

const (
	columnSlope       = "bytes each"
	columnSlopeEcho   = "bytes each, after echo"
	columnGrowth      = "growth each"
	columnGrowthEcho  = "growth each, after echo"
	columnDescriptors = "descriptors each"
	columnKernel      = "kernel bytes each"
)

// idle measures connections that only stay open. Every measurement has a proxy of its own:
// one that has held more before would not give its memory back.
func (b *bench) idle(ctx context.Context, s settings) (*sheet, error) {
	result := &sheet{
		title: fmt.Sprintf("Idle connections: from %d to %d of them, before and after %d bytes there and back on each", s.low, s.high, s.echo),
		column: []string{columnSlope, columnSlopeEcho, columnGrowth, columnGrowthEcho,
			columnDescriptors, columnKernel},
		notes: []string{fmt.Sprintf("Bytes each: the slope of the proxy's memory between the two counts. Growth each: from no connection to %d, by their number. ", s.high) +
			"Kernel bytes: the slope of slabs, thread stacks and page tables of the whole machine before the echo, the clients' and the broker's side included: " +
			"subtract direct's to have the proxy's part."},
	}
	cases := []struct {
		name string
		door door
	}{{"plain", doorHS256}, {"TLS 1.3", doorTLSECDSA}}
	for range s.rounds {
		for _, c := range cases {
			for _, name := range s.routes {
				if name == routeSplice {
					continue
				}
				measured, err := b.idleSlopes(ctx, s, name, c.door)
				if err != nil {
					return nil, err
				}
				result.add(c.name, name, measured)
			}
		}
	}
	return result, nil
}

// idleSlopes measures one route with both counts.
func (b *bench) idleSlopes(ctx context.Context, s settings, name string, d door) (sample, error) {
	low, err := b.idleOnce(ctx, s, name, d, s.low)
	if err != nil {
		return nil, err
	}
	high, err := b.idleOnce(ctx, s, name, d, s.high)
	if err != nil {
		return nil, err
	}
	between := func(of func(idleRun) float64) float64 {
		return slope(float64(s.low), of(low), float64(s.high), of(high))
	}
	// What else the kernel holds comes and goes between the two runs.
	measured := sample{columnKernel: between(func(r idleRun) float64 { return r.held.kernel - r.empty.kernel })}
	if name == routeDirect {
		return measured, nil
	}
	measured[columnSlope] = between(func(r idleRun) float64 { return r.held.memory })
	measured[columnSlopeEcho] = between(func(r idleRun) float64 { return r.echoed.memory })
	measured[columnGrowth] = (high.held.memory - high.empty.memory) / float64(s.high)
	measured[columnGrowthEcho] = (high.echoed.memory - high.empty.memory) / float64(s.high)
	measured[columnDescriptors] = between(func(r idleRun) float64 { return r.held.descriptors })
	return measured, nil
}

// idleState is what is read at one moment.
type idleState struct{ memory, descriptors, kernel float64 }

// idleRun is a proxy's life: without connections, with them, and after each has had its echo.
type idleRun struct{ empty, held, echoed idleState }

// idleOnce starts a proxy and holds n connections.
func (b *bench) idleOnce(ctx context.Context, s settings, name string, d door, n int) (run idleRun, err error) {
	r, err := b.open(ctx, name)
	if err != nil {
		return run, err
	}
	defer r.close()
	hold := b.order(doHold, r, d)
	hold.Count = n
	if hold.Passwords, err = b.password(); err != nil {
		return run, err
	}
	if run.empty, err = idleReading(ctx, s, r); err != nil {
		return run, err
	}
	if err := b.do(ctx, r, hold); err != nil {
		return run, err
	}
	if run.held, err = idleReading(ctx, s, r); err != nil {
		return run, err
	}
	if err := b.do(ctx, r, order{Do: doEcho, Size: s.echo}); err != nil {
		return run, err
	}
	if run.echoed, err = idleReading(ctx, s, r); err != nil {
		return run, err
	}
	return run, b.release(ctx, r)
}

// idleReading lets everything settle, and reads.
func idleReading(ctx context.Context, s settings, r *route) (i idleState, err error) {
	if err := wait(ctx, s.settle); err != nil {
		return i, err
	}
	kernel, err := kernelMemory()
	i.kernel = float64(kernel)
	if err != nil || r.proxy == nil {
		return i, err
	}
	bytes, err := memory(r.proxy.group())
	if err != nil {
		return i, err
	}
	open, err := descriptors(r.proxy.group())
	i.memory, i.descriptors = float64(bytes), float64(open)
	return i, err
}
