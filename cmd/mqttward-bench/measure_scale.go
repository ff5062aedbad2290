package main

import (
	"context"
	"fmt"
	"time"
)

const (
	columnConnected   = "all in s"
	columnLost        = "lost"
	columnPing        = "ping p99 ms"
	columnUsual       = "connect p99 ms before"
	columnHeld        = "connect p99 ms"
	columnEnd         = "bytes each, at the end"
	columnMillion     = "GB a million"
	columnMillionKern = "kernel GB a million"
)

// usualTime is how long connects are probed before there is a session, at most.
const usualTime = 10 * time.Second

// scale measures very many sessions, held for long, in one mqttward or in several that share a
// port.
func (b *bench) scale(ctx context.Context, s settings) (*sheet, error) {
	result := &sheet{
		title: fmt.Sprintf("Scale: %d sessions for %v, %d %% of them TLS, mqttward processes: %d", s.sessions, s.hold, s.share, s.processes),
		column: []string{columnLost, columnPing, columnUsual, columnHeld, columnConnected, columnSlope, columnEnd, columnKernel,
			columnMillion, columnMillionKern},
		notes: []string{
			fmt.Sprintf("Each session pings every %v. Lost: sessions that did not answer, and connects without success. Connects are plain, with a token, one every %v; before: without a session. "+
				"Bytes each: what the memory of all mqttwards (Pss) has grown by, by the number of sessions.", s.keepAlive, s.probes),
			"Kernel bytes: half of what slabs, thread stacks and page tables of the whole machine have grown by: of the four sockets of a session two are the proxy's. " +
				"A million: the memory of all mqttwards, what they had before included, and the kernel's growth, in proportion.",
		},
	}
	for range s.rounds {
		for _, name := range s.routes {
			if !isMqttward(name) {
				continue
			}
			measured, err := b.scaleOnce(ctx, s, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			result.add(fmt.Sprintf("%d sessions, processes: %d", s.sessions, s.processes), name, measured)
		}
	}
	return result, nil
}

func (b *bench) scaleOnce(ctx context.Context, s settings, name string) (sample, error) {
	f, err := b.newFleet(ctx, s, name)
	if err != nil {
		return nil, err
	}
	defer f.close()
	probe := b.order(doProbe, &f.route, doorHS256)
	probe.Every, probe.Duration = s.probes, min(s.hold, usualTime)
	if probe.Passwords, err = b.password(); err != nil {
		return nil, err
	}
	usual, err := f.prober.do(ctx, probe)
	if err != nil {
		return nil, f.explain(err)
	}
	empty, err := f.reading(ctx, s)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := f.hold(ctx, b, s); err != nil {
		return nil, err
	}
	connected := time.Since(start)
	held, err := f.reading(ctx, s)
	if err != nil {
		return nil, err
	}
	probe.Duration = s.hold
	probed := make(chan error, 1)
	var during outcome
	go func() {
		var err error
		during, err = f.prober.do(ctx, probe)
		probed <- err
	}()
	kept, err := f.keep(ctx, s)
	if bad := <-probed; err == nil {
		err = bad
	}
	if err != nil {
		return nil, f.explain(err)
	}
	end, err := f.reading(ctx, s)
	if err != nil {
		return nil, err
	}
	n := float64(s.sessions)
	kernel := (held.kernel - empty.kernel) / 2 / n
	const million = 1e6 / 1e9 // a million, in GB
	return sample{
		columnLost: float64(kept.Lost + during.Lost + usual.Lost), columnPing: float64(kept.P99) / milliseconds,
		columnUsual: float64(usual.P99) / milliseconds, columnHeld: float64(during.P99) / milliseconds,
		columnConnected: connected.Seconds(), columnSlope: (held.memory - empty.memory) / n, columnEnd: (end.memory - empty.memory) / n,
		columnKernel: kernel, columnMillion: end.memory / n * million, columnMillionKern: kernel * million,
	}, nil
}
