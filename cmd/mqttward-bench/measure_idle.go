package main

import (
	"context"
	"fmt"
)

const (
	columnSlope       = "bytes each"
	columnGrowthLow   = "growth to low"
	columnGrowthHigh  = "growth to high"
	columnDescriptors = "descriptors each"
	columnKernel      = "kernel bytes each"
)

// idle measures connections that only stay open. Every measurement has a proxy of its own:
// one that has held more before would not give its memory back.
func (b *bench) idle(ctx context.Context, s settings) (*sheet, error) {
	result := &sheet{
		title:  fmt.Sprintf("Idle connections: %d and %d of them, before and after messages there and back on each", s.low, s.high),
		column: []string{columnSlope, columnGrowthLow, columnGrowthHigh, columnDescriptors, columnKernel},
		chart:  []string{columnSlope},
		notes: []string{
			fmt.Sprintf("Bytes each: the slope of the proxy's memory (Pss) from %d connections to %d. Growth: from no connection to so many, by their number. "+
				"TLS: full records; a message of 16384 bytes and its header fill one and begin another.", s.low, s.high),
			"Kernel bytes: the slope of slabs, thread stacks and page tables of the whole machine. In direct's row that is the clients' and the broker's side, " +
				"in the others what comes on top of direct's in the same round: it is the proxy's. Whatever else the machine does is in it: read the spread.",
		},
	}
	cases := []struct {
		name string
		door door
	}{{"plain", doorHS256}, {"TLS 1.3", doorTLSECDSA}}
	for range s.rounds {
		for _, c := range cases {
			direct := idleTable{}
			for _, name := range s.routes {
				if name == routeSplice {
					continue
				}
				measured, err := b.idleSlopes(ctx, s, name, c.door)
				if err != nil {
					return nil, err
				}
				if name == routeDirect {
					direct = measured
				}
				for _, state := range s.idleStates() {
					sample := measured[state]
					if name != routeDirect && len(direct) > 0 {
						sample[columnKernel] -= direct[state][columnKernel]
					}
					result.add(c.name+", "+state, name, sample)
				}
			}
		}
	}
	return result, nil
}

// idleStates are the states of a connection that are measured, in words.
func (s *settings) idleStates() []string {
	states := []string{"before"}
	for _, size := range s.echoes {
		states = append(states, fmt.Sprintf("after %d bytes", size))
	}
	return states
}

// idleTable is what one route measured, by state.
type idleTable map[string]sample

// idleSlopes measures one route with both counts.
func (b *bench) idleSlopes(ctx context.Context, s settings, name string, d door) (idleTable, error) {
	low, err := b.idleOnce(ctx, s, name, d, s.low)
	if err != nil {
		return nil, err
	}
	high, err := b.idleOnce(ctx, s, name, d, s.high)
	if err != nil {
		return nil, err
	}
	result := idleTable{}
	for i, state := range s.idleStates() {
		l, h := low.states[i], high.states[i]
		between := func(of func(idleState) float64) float64 {
			return slope(float64(s.low), of(l), float64(s.high), of(h))
		}
		// What else the kernel holds comes and goes between the two runs.
		l.kernel -= low.empty.kernel
		h.kernel -= high.empty.kernel
		measured := sample{columnKernel: between(func(i idleState) float64 { return i.kernel })}
		if name != routeDirect {
			measured[columnSlope] = between(func(i idleState) float64 { return i.memory })
			measured[columnGrowthLow] = (l.memory - low.empty.memory) / float64(s.low)
			measured[columnGrowthHigh] = (h.memory - high.empty.memory) / float64(s.high)
			measured[columnDescriptors] = between(func(i idleState) float64 { return i.descriptors })
		}
		result[state] = measured
	}
	return result, nil
}

// idleState is what is read at one moment.
type idleState struct{ memory, descriptors, kernel float64 }

// idleRun is a proxy's life: without connections, with them, and after each echo.
type idleRun struct {
	empty  idleState
	states []idleState
}

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
	orders := []order{hold}
	for _, size := range s.echoes {
		orders = append(orders, order{Do: doEcho, Size: size})
	}
	for _, o := range orders {
		if err := b.do(ctx, r, o); err != nil {
			return run, err
		}
		state, err := idleReading(ctx, s, r)
		if err != nil {
			return run, err
		}
		run.states = append(run.states, state)
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
