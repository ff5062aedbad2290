package proxy

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"mqttward/auth"
)

// Ban is an address that is banned.
type Ban struct {
	// Address is an IPv4 address, or the /64 of an IPv6 one.
	Address netip.Prefix
	// Until is when the ban ends.
	Until time.Time
	// Reason is that of the address's last failure.
	Reason auth.Reason
}

// Shown is the address as logs show it: a network with its length, an address without.
func (b Ban) Shown() string { return shown(b.Address) }

// Bans is the number of addresses that are banned. It looks at each, and so is for those who ask
// every few seconds.
func (s *Server) Bans() int { return s.bans.active() }

// Banned returns the bans that are wanted, those that end last first, and of more than most these
// alone. It looks at each, as Bans does; wanted must return at once, and nil wants all.
func (s *Server) Banned(most int, wanted func(Ban) bool) []Ban { return s.bans.list(most, wanted) }

// active is how many addresses are banned.
func (b *bans) active() (n int) {
	b.each(func(*ban) bool {
		n++
		return true
	})
	return n
}

// list is what Banned returns.
func (b *bans) list(most int, wanted func(Ban) bool) []Ban {
	var all []Ban
	now := time.Now() // the clock may have been set since b began
	passed := now.Sub(b.began)
	last := func() {
		slices.SortFunc(all, func(x, y Ban) int {
			return cmp.Or(y.Until.Compare(x.Until), x.Address.Addr().Compare(y.Address.Addr()))
		})
		all = all[:min(most, len(all))]
	}
	b.each(func(v *ban) bool {
		shown := Ban{Address: v.network(), Until: now.Add(v.until - passed), Reason: v.reason}
		if wanted == nil || wanted(shown) {
			all = append(all, shown)
		}
		if len(all) >= 2*most+setsAtOnce {
			last() // there may be a thousand times as many as are asked for
		}
		return true
	})
	last()
	return all
}

// setsAtOnce bounds for how long clients wait for one that looks at all bans.
const setsAtOnce = 1024

// each shows every ban that is in force to keep, under the lock, and ends those for which that
// returns false. What begins or ends meanwhile may be overlooked.
func (b *bans) each(keep func(*ban) bool) {
	for from := 0; ; from += setsAtOnce {
		b.mu.Lock()
		if b.banned == nil || from >= len(b.banned.sets) {
			b.mu.Unlock()
			return
		}
		now := time.Since(b.began)
		b.banned.visit(from, from+setsAtOnce, func(v *ban) bool { return v.until > now && keep(v) })
		b.mu.Unlock()
	}
}
