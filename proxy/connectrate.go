package proxy

import (
	"fmt"
	"math"
	"net/netip"
	"sync"
	"time"

	"mqttward/auth"
)

// ratedAddresses is for how many addresses their connects are remembered. Where there are more,
// those go of which fewest came: one that is held back stays known.
const ratedAddresses = 1 << 16

// connectRates bounds the clients that are judged per second: all of them, and those of one
// address. Only who passes is counted: whoever is refused and comes again keeps nobody out for
// it. It is safe for concurrent use.
//
// The bound on all is shared. An address may take what is left of it only as long as it took no
// more than that within about the last second: the more it takes, the more it leaves. Alone, it
// gets all of it; beside one that takes what it can get, every other that wants less finds room.
type connectRates struct {
	mu       sync.Mutex
	began    time.Time
	all      bucket // its rate is 0 where there is no bound
	each     float64
	byOrigin *addressTable[origin] // nil where there is no bound at all
}

// bucket gives out as many per second as its rate says, and as many at once after a second
// without.
type bucket struct {
	rate, ready float64
	then        time.Duration
}

// origin is what an address took.
type origin struct {
	lately float64 // fades away with recentTime
	own    bucket  // of what one address may take
	then   time.Duration
}

// recentTime is within what time an address's connects fade to a third of their number.
const recentTime = time.Second

func newConnectRates() *connectRates { return &connectRates{began: time.Now()} }

// limit sets how many may pass per second, of all and of each address; 0 is no bound.
func (r *connectRates) limit(all, each int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.began)
	if r.all.rate == 0 {
		r.all.ready, r.all.then = float64(all), now
	}
	r.all.rate, r.each = float64(all), float64(each)
	switch {
	case all == 0 && each == 0:
		r.byOrigin = nil
	case r.byOrigin == nil:
		r.byOrigin = newAddressTable[origin](ratedAddresses)
	}
}

// pass counts a client of an address, or says why it may not be judged now.
func (r *connectRates) pass(address netip.Prefix) *refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byOrigin == nil {
		return nil
	}
	now := time.Since(r.began)
	o := r.origin(address, now)
	if r.each > 0 {
		// A bound that is new, or another one, holds from now on.
		if o.own.rate != r.each {
			o.own = bucket{rate: r.each, ready: r.each, then: now}
		}
		if o.own.refill(now); !o.own.has() {
			return &refusal{reason: auth.RateLimited, met: LimitConnectRatePerAddress, detail: overRate("connect_rate_per_address", r.each)}
		}
	}
	if r.all.rate > 0 {
		if r.all.refill(now); !r.all.has() || o.lately > r.all.ready {
			return &refusal{reason: auth.RateLimited, met: LimitConnectRate, detail: overRate("connect_rate", r.all.rate)}
		}
		r.all.ready--
	}
	o.own.ready--
	o.lately++
	return nil
}

// overRate is the detail of a refusal for a rate, by the key that sets it.
func overRate(key string, perSecond float64) string {
	return fmt.Sprintf("more than %s: %.0f per second", key, perSecond)
}

// origin returns what an address took, as of now.
func (r *connectRates) origin(address netip.Prefix, now time.Duration) *origin {
	o, tag := r.byOrigin.find(address)
	if o == nil {
		o = r.byOrigin.place(tag, func(o *origin) float64 { return o.fade(now) })
		o.then = now
	}
	o.lately, o.then = o.fade(now), now
	return o
}

// fade is what is left of what an address took. The clock of those who ask may be a moment
// behind another's.
func (o *origin) fade(now time.Duration) float64 {
	return o.lately * math.Exp(-max(0, now-o.then).Seconds()/recentTime.Seconds())
}

// refill counts what has become ready since the last time.
func (b *bucket) refill(now time.Duration) {
	if now > b.then {
		b.ready = min(b.rate, b.ready+b.rate*(now-b.then).Seconds())
		b.then = now
	}
}

// has reports whether there is one left. What a rounded duration leaves short of it does not
// matter.
func (b *bucket) has() bool { return b.ready >= 1-1e-6 }
