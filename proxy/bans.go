package proxy

import (
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"mqttward/auth"
)

const (
	// bannedAddresses is how many may be banned at once. Where there are more, the ban goes that
	// would have ended first. To push somebody's out, whoever wants to has to earn about as many
	// of its own within one ban's time, each by as many failures as any other.
	bannedAddresses = 1 << 17
	// strikeAddresses is of how many addresses failures are remembered. Where there are more,
	// those go that have fewest: one failure from each of many addresses makes nobody's forgotten
	// who has several.
	strikeAddresses = 1 << 15
	// maxStrikes bounds the failures that lead to a ban: each is remembered.
	maxStrikes = 100
)

// BanLimits say for what an address is banned: it is refused without being judged. What counts is
// a judgement of what a client sent that is against it; not what passes by itself (Busy,
// KeysUnavailable, UnknownKid), a fault of ours, or a genuine token at the wrong time. Somebody
// whom a stage accepts has the failures of its address forgiven that had the same user name and
// client id.
type BanLimits struct {
	// Failures is how many within Window have an address banned, at most 100. Zero means that
	// nobody is.
	Failures int
	// Window is within what time. Zero means a minute.
	Window time.Duration
	// Time is for how long. Zero means 5 minutes.
	Time time.Duration
	// Exempt are networks that are never banned, those of proxies, say, behind whose addresses many
	// others stand. Of IPv6, the /64 is exempt of which any address is. Whoever is banned when they
	// are put in force is so no more, and is not again when they are gone.
	Exempt []netip.Prefix
}

// bans counts failed authentications by address, and knows who is banned for them. Addresses are
// those of masked: a client's own in IPv4, and its /64 in IPv6. Peers without an IP address are
// never banned, since all of them count as one. It is safe for concurrent use.
type bans struct {
	mu      sync.Mutex
	began   time.Time
	seed    maphash.Seed // of names
	limits  BanLimits
	strikes *addressTable[strikes] // nil while nobody is banned
	banned  *addressTable[ban]     // nil while nobody is banned
}

// ban is what is known of an address that is banned. It has no pointers: there is room for many.
type ban struct {
	address [16]byte // as As16 has it
	until   time.Duration
	reason  auth.Reason // of the last failure
}

func (v *ban) network() netip.Prefix {
	return masked(netip.AddrPortFrom(netip.AddrFrom16(v.address), 0))
}

// strikes are an address's failures within the window, oldest first.
type strikes []strike

// strike is one failure: when it was, and by which user name and client id, as a keyed hash of both.
// Users are known by either: by one alone, whoever has an account could write what it likes into the
// other, guess at all other accounts, and be forgiven.
type strike struct {
	at   time.Duration
	name uint64
}

func newBans() *bans { return &bans{began: time.Now(), seed: maphash.MakeSeed()} }

// limit says for what addresses are banned, and returns how many bans that lifts: all where nobody
// is banned any more, else those of whoever is exempt now. All others stay so.
func (b *bans) limit(l BanLimits) (lifted int) {
	l.Failures = min(l.Failures, maxStrikes)
	if l.Failures == 0 {
		return b.off(l)
	}
	b.mu.Lock()
	b.limits = l
	if b.banned == nil {
		b.strikes = newAddressTable[strikes](strikeAddresses)
		b.banned = newAddressTable[ban](bannedAddresses)
	}
	b.mu.Unlock()
	b.each(func(v *ban) (keep bool) {
		if b.exempt(v.network()) {
			lifted++
			return false
		}
		return true
	})
	return lifted
}

// off has nobody banned any more, and returns how many were.
func (b *bans) off(l BanLimits) (lifted int) {
	lifted = b.active()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limits = l
	b.strikes, b.banned = nil, nil
	return lifted
}

// remaining is for how long an address is still banned; 0 where it is not.
func (b *bans) remaining(address netip.Prefix) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.banned == nil {
		return 0
	}
	v, _ := b.banned.find(address)
	if v == nil || b.exempt(address) {
		return 0
	}
	return max(0, v.until-time.Since(b.began))
}

// exempt reports whether an address is never banned.
func (b *bans) exempt(address netip.Prefix) bool {
	return !address.IsValid() || slices.ContainsFunc(b.limits.Exempt, func(p netip.Prefix) bool {
		return p.Overlaps(address)
	})
}

// nameOf is what failures under a user name and a client id are told apart by.
func (b *bans) nameOf(user, clientID []byte) uint64 {
	both := [...]uint64{maphash.Bytes(b.seed, user), maphash.Bytes(b.seed, clientID)}
	return maphash.Comparable(b.seed, both)
}

// failed counts a failure of an address for a reason, under a user name and a client id. Where that
// has it banned, it returns for how long; 0 where it does not.
func (b *bans) failed(address netip.Prefix, user, clientID []byte, reason auth.Reason) (banned time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.banned == nil || b.exempt(address) {
		return 0
	}
	now := time.Since(b.began)
	v, banTag := b.banned.find(address)
	if v != nil && v.until > now {
		return 0 // it was being judged when it was banned
	}
	s, tag := b.strikes.find(address)
	if s == nil {
		s = b.strikes.place(tag, func(s *strikes) float64 { return s.worth(now - b.limits.Window) })
	}
	*s = append(s.since(now-b.limits.Window), strike{now, b.nameOf(user, clientID)})
	if len(*s) < b.limits.Failures {
		return 0
	}
	b.strikes.delete(tag)
	if v == nil {
		v = b.banned.place(banTag, func(v *ban) float64 { return float64(v.until - now) })
	}
	*v = ban{address: address.Addr().As16(), until: now + b.limits.Time, reason: reason}
	return b.limits.Time
}

// forgive forgets an address's failures under a user name and a client id: somebody there knows the
// password. What failed under others stays, or whoever has one account could guess at all others for
// ever.
func (b *bans) forgive(address netip.Prefix, user, clientID []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.strikes == nil {
		return
	}
	s, tag := b.strikes.find(address)
	if s == nil {
		return
	}
	whose := b.nameOf(user, clientID)
	*s = slices.DeleteFunc(*s, func(s strike) bool { return s.name == whose })
	if len(*s) == 0 {
		b.strikes.delete(tag)
	}
}

// since drops the strikes that are no later than a time.
func (s strikes) since(start time.Duration) strikes {
	old := 0
	for old < len(s) && s[old].at <= start {
		old++
	}
	return slices.Delete(s, 0, old)
}

// worth is how many strikes there are, unless all are older than a time.
func (s strikes) worth(start time.Duration) float64 {
	if len(s) == 0 || s[len(s)-1].at <= start {
		return 0
	}
	return float64(len(s))
}

// mayBeGuess reports whether a refusal for r may have been somebody's guess. What passes by
// itself, what is a fault of ours, and a genuine token at the wrong time are none: the devices
// of a whole site may share an address, and its tokens may all expire in one night.
func mayBeGuess(r auth.Reason) bool {
	switch r {
	case auth.KeysUnavailable, auth.UnknownKid, auth.InternalError,
		auth.TokenExpired, auth.TokenNotYetValid, auth.TokenIssuedInFuture:
		return false
	}
	return ofStage(r)
}

// heed has the verdict about c count for or against its address. Who is let in without proof
// has proven nothing, and a verdict that does not hold bans nobody.
func (c *connection) heed() {
	v := &c.verdict
	switch {
	case v.Decision == auth.Accept && v.Stage != auth.StageAnonymous:
		c.srv.bans.forgive(c.hs.address, c.creds.UserName, c.creds.ClientID)
	case v.Decision == auth.Deny && !c.observed && mayBeGuess(v.Reason):
		if banned := c.srv.bans.failed(c.hs.address, c.creds.UserName, c.creds.ClientID, v.Reason); banned > 0 {
			newLine().with(slog.String("listener", c.listener.Name),
				slog.String("remote", shown(c.hs.address)), slog.String("for", banned.String()),
				slog.String("last_reason", v.Reason.String())).log(c.srv, slog.LevelWarn, "address banned")
		}
	}
}
