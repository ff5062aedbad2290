package upstream

import (
	"context"
	"sync"
	"time"
)

// outageLook is the time between two looks whether every address fails: that of the shortest rest.
const outageLook = restMin

// Up reports whether any address is up: whether its last try did not fail, or none was made.
func (p *Pool) Up() bool {
	for i := range p.targets {
		if p.targets[i].health.failedAt().IsZero() {
			return true
		}
	}
	return false
}

// ownLooks reports whether p looks for the end of an outage itself. Checks that come as often as it
// would look find that out.
func (p *Pool) ownLooks() bool { return p.checks.Interval == 0 || p.checks.Interval > restMax }

// awaitOutages tries the addresses while every one of them fails, until ctx ends: whoever is told to
// send no clients meanwhile sends nobody who would find out that one is back. An address is tried when
// it has rested, as a client would try it, and rests longer each time. One whose checks fail is left to
// these.
func (p *Pool) awaitOutages(ctx context.Context) {
	tick := time.NewTicker(outageLook)
	defer tick.Stop()
	var looks sync.WaitGroup
	defer looks.Wait()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if p.Up() {
			continue
		}
		for i := range p.targets {
			t := &p.targets[i]
			stands, _ := t.health.standing(p, time.Now)
			if stands == due && t.health.claim(time.Now(), p.checks.Timeout) {
				looks.Go(func() { p.look(ctx, t) })
			}
		}
	}
}

// look tries one address, and notes whether it is back.
func (p *Pool) look(ctx context.Context, t *target) {
	err := p.check(ctx, t)
	switch {
	case err == nil:
		p.reached(t.Address)
	case ctx.Err() != nil, ours(err): // that says nothing about the address
	default:
		p.failed(t.Address, err)
	}
}
