package main

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

const (
	columnAllIn     = "all in s"
	columnOfHashing = "of the hashing"
	columnOfAuthOff = "of auth off"
	columnLiveP50   = "live p50 ms"
	columnLiveP99   = "live p99 ms"
	columnCalmP50   = "p50 ms before"
	columnCalmP99   = "p99 ms before"
	columnBusy      = "told to wait"
	columnBusyP99   = "p99 ms of that"
	columnDialP99   = "p99 ms to connect"
	columnCutOff    = "cut off"
	columnPeak      = "peak MB"
)

const (
	// stormLimit is how long a storm may last.
	stormLimit = 20 * time.Minute
	// liveEvery is the time from a live session's message to its next.
	liveEvery    = 50 * time.Millisecond
	milliseconds = float64(time.Millisecond)
)

// storm measures devices that all come at once.
func (b *bench) storm(ctx context.Context, s settings) (*sheet, error) {
	result := &sheet{
		title: "Storms: all devices lose their connections, and return at once",
		column: []string{columnAllIn, columnOfHashing, columnProcessor, columnOfAuthOff, columnCalmP50, columnCalmP99, columnLiveP50, columnLiveP99,
			columnBusy, columnBusyP99, columnDialP99, columnCutOff, columnPeak},
		chart: []string{columnProcessor},
		notes: []string{
			fmt.Sprintf("The devices return %v after the loss. One that is not let in comes again after %v, doubling to %v, less a random part of half at most. "+
				"New: the devices come for the first time, and nothing is lost before. Processor time: that of the proxy, by device, from the loss until all are in. "+
				"Of auth off: by the processor time of as many anonymous devices at a mqttward that judges nobody, in the same round.", s.gap, firstRetry, lastRetry),
			fmt.Sprintf("Live: %d sessions that send a message there and back every %v meanwhile. Told to wait: refusals with code 3, and how long those took from the first byte on. To connect: where more come than the kernel has room for (net.core.somaxconn), some try again after a second. Cut off: ends without an answer. "+
				"Peak: the largest resident memory of the proxy in the storm.", s.live, liveEvery),
		},
	}
	kinds, err := b.stormKinds(s)
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if k.cost > 0 && k.fresh {
			result.notes = append(result.notes, fmt.Sprintf("Of the hashing, cost %d: the time until all are in, by that of %d hashes of %v each (one thread, nothing else running) on %d cores.",
				k.cost, k.devices, k.hash.Round(time.Microsecond), runtime.NumCPU()))
		}
	}
	live, err := b.startClients()
	if err != nil {
		return nil, err
	}
	defer live.close()
	for range s.rounds {
		off := map[cell]float64{} // processor time without authentication, by route and devices
		for _, k := range kinds {
			for _, name := range s.routes {
				if !k.fits(name) {
					continue
				}
				measured, err := b.stormOnce(ctx, s, k, name, live)
				if err != nil {
					return nil, err
				}
				place := cell{fmt.Sprint(k.devices), name, columnProcessor}
				if k.anonymous() {
					off[place] = measured[columnProcessor]
				}
				if base := off[place]; base > 0 && isMqttward(name) {
					measured[columnOfAuthOff] = measured[columnProcessor] / base
				}
				result.add(k.title(), name, measured)
			}
		}
	}
	return result, nil
}

// stormOnce measures one storm at a proxy of its own.
func (b *bench) stormOnce(ctx context.Context, s settings, k stormKind, name string, live *helper) (sample, error) {
	r, err := b.openStorm(ctx, k, name)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := b.holdLive(ctx, s, k, r, live); err != nil {
		return nil, err
	}
	come, err := b.stormOrder(doStorm, k, r, k.devices, deviceUsers)
	if err != nil {
		return nil, err
	}
	come.Duration = stormLimit
	if !k.fresh {
		hold := come
		hold.Do = doHold
		if err := b.do(ctx, r, hold); err != nil {
			return nil, err
		}
	}
	if _, err := live.do(ctx, order{Do: doLap}); err != nil { // what has been so far is of no interest
		return nil, b.explain(r, err)
	}
	if err := wait(ctx, s.settle); err != nil {
		return nil, err
	}
	before, err := b.ask(ctx, live, r, order{Do: doLap})
	if err != nil {
		return nil, err
	}
	used, err := processorTime(r.proxy.group())
	if err != nil {
		return nil, err
	}
	if !k.fresh {
		if err := b.do(ctx, r, order{Do: doRelease}); err != nil {
			return nil, err
		}
		if err := wait(ctx, s.gap); err != nil {
			return nil, err
		}
	}
	measured, err := b.stormItself(ctx, k, r, come, live)
	if err != nil {
		return nil, err
	}
	after, err := processorTime(r.proxy.group())
	if err != nil {
		return nil, err
	}
	measured[columnProcessor] = (after - used) / float64(k.devices) * 1e6
	measured[columnCalmP50], measured[columnCalmP99] = float64(before.P50)/milliseconds, float64(before.P99)/milliseconds
	if err := b.do(ctx, r, order{Do: doRelease}); err != nil {
		return nil, err
	}
	_, err = b.ask(ctx, live, r, order{Do: doRelease})
	return measured, err
}

// stormItself has all come, and returns when they are in.
func (b *bench) stormItself(ctx context.Context, k stormKind, r *route, come order, live *helper) (sample, error) {
	if err := forgetPeak(r.proxy.group()); err != nil {
		return nil, err
	}
	if _, err := b.ask(ctx, live, r, order{Do: doLap}); err != nil {
		return nil, err
	}
	out, err := b.ask(ctx, b.clients, r, come)
	if err != nil {
		return nil, err
	}
	during, err := b.ask(ctx, live, r, order{Do: doLap})
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, calm); err != nil {
		return nil, err
	}
	peak, err := peakMemory(r.proxy.group())
	if err != nil {
		return nil, err
	}
	measured := sample{
		columnAllIn: out.Seconds, columnBusy: float64(out.Answered), columnCutOff: float64(out.CutOff), columnDialP99: float64(out.DialP99) / milliseconds,
		columnLiveP50: float64(during.P50) / milliseconds, columnLiveP99: float64(during.P99) / milliseconds,
		columnPeak: float64(peak) / 1e6,
	}
	if out.Answered > 0 {
		measured[columnBusyP99] = float64(out.RefusedP99) / milliseconds
	}
	if k.cost > 0 && k.fresh {
		measured[columnOfHashing] = out.Seconds / k.hashing().Seconds()
	}
	return measured, nil
}

// holdLive connects the live sessions and has them begin.
func (b *bench) holdLive(ctx context.Context, s settings, k stormKind, r *route, live *helper) error {
	o, err := b.stormOrder(doHold, k, r, s.live, liveUsers)
	if err != nil {
		return err
	}
	if _, err := b.ask(ctx, live, r, o); err != nil {
		return err
	}
	_, err = b.ask(ctx, live, r, order{Do: doLive, Size: payload, Every: liveEvery})
	return err
}
