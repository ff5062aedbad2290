package upstream

import (
	"math/rand/v2"
	"time"
)

// Balance says which address a client is sent to.
type Balance uint8

// The ways. The zero value is ByClientID.
const (
	// ByClientID sends a client to the same address each time: that for which its client id and
	// the address hash highest (rendezvous hashing). Every process and every version of the list
	// agrees: without an address only that address's clients go elsewhere, and they come back
	// with it. A client without a client id has nothing to come back to, and goes round.
	ByClientID Balance = iota
	// RoundRobin sends each client to the address that has waited longest for one.
	RoundRobin
	// LeastConnections sends a client to the address that has fewest connections of this process.
	LeastConnections
)

// maxAddresses is the most addresses of a pool.
const maxAddresses = 256

// choice is the order in which the addresses are tried for one client. Those that are well come
// first, then those that are back and have had their part, then those that rest.
type choice struct {
	pool   *Pool
	client uint64 // its client id's hash
	sticky bool   // the client id decides
	now    time.Time
	tried  [maxAddresses / 64]uint64
}

// choose begins with a client.
func (p *Pool) choose(id []byte) choice {
	c := choice{pool: p}
	if len(p.targets) == 1 {
		return c
	}
	if c.sticky = p.balance == ByClientID && len(id) > 0; c.sticky {
		c.client = hash(id)
	}
	return c
}

// next returns the next address, and notes that it was tried; nil where all were. trial is how long
// this try may take.
func (c *choice) next(trial time.Duration) *target {
	for {
		best, standing := c.best()
		if best < 0 {
			return nil
		}
		t := &c.pool.targets[best]
		if standing == due && !t.health.claim(c.clock(), trial) {
			continue // somebody else finds out: it rests
		}
		c.tried[best/64] |= 1 << (best % 64)
		if !c.sticky {
			t.picked.Store(c.pool.turn.Add(1))
		}
		return t
	}
}

// best returns the best of the addresses that were not tried, or -1.
func (c *choice) best() (best int, standing standing) {
	best = -1
	var class int
	var rank uint64
	for i := range c.pool.targets {
		if c.tried[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		t := &c.pool.targets[i]
		stands, share := t.health.standing(c.pool, c.clock)
		itsClass := 0
		switch {
		case stands == resting:
			itsClass = 2
		case share < 1 && !c.within(t, share):
			itsClass = 1
		}
		if itsRank := c.rank(i); best < 0 || itsClass < class || itsClass == class && itsRank < rank {
			best, standing, class, rank = i, stands, itsClass, itsRank
		}
	}
	return best, standing
}

// within reports whether the client is of the part that t gets. By client id it is the same part
// each time, and grows: who has come back stays.
func (c *choice) within(t *target, share float64) bool {
	if !c.sticky {
		return rand.Float64() < share
	}
	const bits = 53 // of a float64
	return float64(mix(c.client+t.seed)>>(64-bits)) < share*(1<<bits)
}

// rank is how far back an address stands for the client.
func (c *choice) rank(i int) uint64 {
	t := &c.pool.targets[i]
	if c.sticky {
		return ^mix(c.client ^ t.seed)
	}
	const turnBits = 40
	picked := t.picked.Load()
	if c.pool.balance == LeastConnections {
		return uint64(max(0, t.active.Load()))<<turnBits | picked&(1<<turnBits-1)
	}
	return picked
}

// clock is the time, the same for the whole choice.
func (c *choice) clock() time.Time {
	if c.now.IsZero() {
		c.now = time.Now()
	}
	return c.now
}

// hash is FNV-1a: the same in every process, so that replicas agree. Who may choose a client id
// chooses its address by that; the broker's limits are per client all the same.
func hash[T string | []byte](s T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix spreads what is alike over all bits (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
