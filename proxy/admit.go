package proxy

import (
	"net/netip"
	"time"

	"mqttward/auth"
)

// admit judges c by where it comes from and by how many there are, before anything is computed or
// dialled for it. dismiss ends what it counts for, unless a session has taken that over.
func (c *connection) admit() *refusal {
	if left := c.srv.bans.remaining(c.hs.address); left > 0 {
		return banned(left)
	}
	if r := c.srv.rates.pass(c.hs.address); r != nil {
		return r
	}
	if met, ok := c.srv.roster.admit(c); !ok {
		return &refusal{reason: auth.Busy, met: met, detail: met.String() + " is reached"}
	}
	return nil
}

// barred closes c where its address is banned and it would cost a TLS handshake to say so, and
// reports whether it did.
func (c *connection) barred() bool {
	if !c.listener.Secure {
		return false
	}
	left := c.srv.bans.remaining(c.hs.address)
	if left == 0 {
		return false
	}
	r := banned(left)
	c.socket.Close()
	c.logRefused(r, 0, false)
	c.observeRefused(r, 0, false)
	return true
}

func banned(left time.Duration) *refusal {
	return &refusal{reason: auth.Banned, detail: "for " + max(time.Second, left.Round(time.Second)).String() + " more"}
}

// admissions counts clients that were admitted. The roster's lock guards it.
type admissions struct {
	max, maxOfAddress int            // 0: no limit
	maxOf             map[string]int // by listener
	all               int
	of                map[string]int       // by listener
	ofAddress         map[netip.Prefix]int // nil where there is no limit; never more than all
}

// full returns a limit that is reached, where one is.
func (a *admissions) full(listener string, address netip.Prefix) (met Limit, full bool) {
	reached := func(n, max int) bool { return max > 0 && n >= max }
	switch {
	case reached(a.all, a.max):
		return LimitConnections, true
	case reached(a.of[listener], a.maxOf[listener]):
		return LimitListenerConnections, true
	case reached(a.ofAddress[address], a.maxOfAddress):
		return LimitConnectionsPerAddress, true
	}
	return 0, false
}

// add counts n more.
func (a *admissions) add(listener string, address netip.Prefix, n int) {
	a.all += n
	a.of[listener] += n
	if a.ofAddress == nil {
		return
	}
	if a.ofAddress[address] += n; a.ofAddress[address] == 0 {
		delete(a.ofAddress, address)
	}
}

// limit sets how many may be admitted. Those who are, stay.
func (r *roster) limit(l *Limits) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &r.admitted
	a.max, a.maxOf, a.maxOfAddress = l.MaxConnections, l.MaxListenerConnections, l.MaxConnectionsPerAddress
	switch {
	case a.maxOfAddress == 0:
		a.ofAddress = nil
	case a.ofAddress == nil:
		r.countAddresses()
	}
}

// countAddresses counts those who came while there was no limit.
func (r *roster) countAddresses() {
	of := map[netip.Prefix]int{}
	for c := range r.connections {
		if c.admitted {
			of[c.hs.address]++
		}
	}
	for s := range r.sessions {
		of[s.address()]++
	}
	r.admitted.ofAddress = of
}

// admit counts c towards the limits, if there is room; else it returns the limit that is reached.
func (r *roster) admit(c *connection) (met Limit, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if met, full := r.admitted.full(c.listener.Name, c.hs.address); full {
		return met, false
	}
	r.admitted.add(c.listener.Name, c.hs.address, 1)
	c.admitted = true
	return 0, true
}

// dismiss ends what admit began, unless a session has taken it over.
func (r *roster) dismiss(c *connection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.admitted {
		c.admitted = false
		r.admitted.add(c.listener.Name, c.hs.address, -1)
	}
}
