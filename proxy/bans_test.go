package proxy

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
)

// newTestBans bans for 5 minutes after 10 failures in a minute.
func newTestBans(exempt ...netip.Prefix) *bans {
	b := newBans()
	b.limit(BanLimits{Failures: 10, Window: time.Minute, Time: 5 * time.Minute, Exempt: exempt})
	return b
}

// fail fails n times, and reports whether that had the address banned.
func fail(b *bans, address netip.Prefix, n int, name string) (banned bool) {
	for range n {
		banned = b.failed(address, []byte(name), nil, auth.BadPassword) > 0
	}
	return banned
}

func TestBanBeginsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBans()
		if fail(b, loud, 9, "u") || b.remaining(loud) != 0 {
			t.Fatal("banned after 9 failures")
		}
		if !fail(b, loud, 1, "u") || b.remaining(loud) != 5*time.Minute || b.active() != 1 {
			t.Fatalf("not banned after 10 failures: %v, %d", b.remaining(loud), b.active())
		}
		if b.remaining(quiet) != 0 {
			t.Error("another address is banned")
		}
		time.Sleep(4 * time.Minute)
		if fail(b, loud, 100, "u") || b.remaining(loud) != time.Minute {
			t.Errorf("what was being judged when it was banned counts: %v left", b.remaining(loud))
		}
		time.Sleep(time.Minute)
		if b.remaining(loud) != 0 || b.active() != 0 {
			t.Error("the ban has no end")
		}
		if fail(b, loud, 9, "u") || !fail(b, loud, 1, "u") {
			t.Error("it does not begin anew after its end")
		}
	})
}

func TestFailuresCountWithinTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBans()
		for range 100 { // 9 a minute
			if fail(b, loud, 1, "u") {
				t.Fatal("banned though no minute has 10 failures")
			}
			time.Sleep(time.Minute/9 + time.Millisecond)
		}
		time.Sleep(time.Minute)
		fail(b, loud, 8, "u")
		time.Sleep(59 * time.Second)
		if !fail(b, loud, 2, "u") {
			t.Error("not banned though a minute has 10 failures")
		}
	})
}

func TestSuccessForgivesItsUserNameOnly(t *testing.T) {
	b := newTestBans()
	fail(b, loud, 9, "ann")
	b.forgive(quiet, []byte("ann"), nil)
	b.forgive(loud, []byte("bob"), nil)
	if !fail(b, loud, 1, "ann") {
		t.Error("the success of somebody else forgave ann's")
	}
	fail(b, quiet, 5, "ann")
	fail(b, quiet, 4, "bob")
	b.forgive(quiet, []byte("ann"), nil)
	if fail(b, quiet, 5, "ann") {
		t.Error("ann's failures were not forgiven")
	}
	if !fail(b, quiet, 1, "ann") {
		t.Error("bob's failures were forgiven too")
	}
	// Whoever has one account can't guess at others by it.
	for n := range 10 {
		b.failed(nth(1), fmt.Appendf(nil, "user-%d", n), nil, auth.BadPassword)
		b.forgive(nth(1), []byte("mine"), nil)
	}
	// Nor where accounts go by client id, and the user name is anything.
	for n := range 10 {
		b.failed(nth(2), []byte("any"), fmt.Appendf(nil, "client-%d", n), auth.BadPassword)
		b.forgive(nth(2), []byte("any"), []byte("mine"))
	}
	for n := 1; n <= 2; n++ {
		if b.remaining(nth(n)) == 0 {
			t.Errorf("one good account lets guess at all others: address %d", n)
		}
	}
}

// A /64 is one client's, whichever address of it is used.
func TestBansAreOfNetworks(t *testing.T) {
	b := newTestBans()
	peer := func(s string) netip.Prefix { return masked(netip.MustParseAddrPort(s)) }
	for n := range 10 {
		b.failed(peer(fmt.Sprintf("[2001:db8::%x]:1", n)), nil, nil, auth.BadPassword)
	}
	for s, banned := range map[string]bool{
		"[2001:db8::ffff:1]:1": true, "[2001:db8:0:1::1]:1": false, "192.0.2.1:1": false,
	} {
		if got := b.remaining(peer(s)) > 0; got != banned {
			t.Errorf("%s is banned: got %v, want %v", s, got, banned)
		}
	}
	if fail(b, peer("192.0.2.1:1"), 9, "u"); !fail(b, peer("[::ffff:192.0.2.1]:1"), 1, "u") {
		t.Error("an IPv4 address is another one where it is written in IPv6's form")
	}
}

func TestSomeAreNeverBanned(t *testing.T) {
	b := newTestBans(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:0:1::7/128"))
	for _, address := range []string{"10.1.2.3/32", "2001:db8:0:1::/64"} {
		if a := netip.MustParsePrefix(address); fail(b, a, 100, "u") || b.remaining(a) != 0 {
			t.Errorf("%s is banned", address)
		}
	}
	if fail(b, netip.Prefix{}, 100, "u") || b.remaining(netip.Prefix{}) != 0 {
		t.Error("all that have no address are banned together")
	}
}

// Whoever is exempt from a reload on is banned no more, others are, and so it stays.
func TestBansOfTheExemptAreLifted(t *testing.T) {
	six := netip.MustParsePrefix("2001:db8:0:1::/64")
	limits := BanLimits{Failures: 10, Window: time.Minute, Time: time.Minute}
	b := newTestBans()
	for _, a := range []netip.Prefix{loud, quiet, six} {
		fail(b, a, 10, "u")
	}
	exempt := limits
	exempt.Exempt = []netip.Prefix{loud, netip.MustParsePrefix("2001:db8:0:1::7/128")}
	for again, want := range []int{2, 0} {
		if got := b.limit(exempt); got != want {
			t.Errorf("exempt %d times before: %d were lifted, want %d", again, got, want)
		}
	}
	if got := b.limit(limits); got != 0 {
		t.Errorf("exempt no more: %d were lifted, want none", got)
	}
	if b.remaining(loud) != 0 || b.remaining(six) != 0 || b.remaining(quiet) == 0 || b.active() != 1 {
		t.Errorf("%v, %v and %v are left, want the last alone", b.remaining(loud), b.remaining(six), b.remaining(quiet))
	}
	if !fail(b, loud, 10, "u") {
		t.Error("it can't be banned any more")
	}
	if got := b.limit(BanLimits{}); got != 2 {
		t.Errorf("where nobody is banned any more %d were lifted, want 2", got)
	}
}

// Those that end last are listed, of many no more than are asked for, and of all those that are wanted.
func TestBansAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBans()
		if got := b.list(3, nil); len(got) != 0 {
			t.Errorf("got %v of nobody", got)
		}
		fail(b, quiet, 10, "u")
		time.Sleep(time.Second)
		for n := range 20_000 {
			fail(b, nth(n), 10, "u")
		}
		time.Sleep(time.Second)
		b.failed(loud, nil, nil, auth.BadPassword)
		fail(b, loud, 8, "u")
		b.failed(loud, nil, nil, auth.ClaimMismatch)
		want := []Ban{
			{loud, time.Now().Add(5 * time.Minute), auth.ClaimMismatch},
			{nth(0), time.Now().Add(5*time.Minute - time.Second), auth.BadPassword},
			{nth(1), time.Now().Add(5*time.Minute - time.Second), auth.BadPassword},
		}
		same := func(a, b Ban) bool { return a.Address == b.Address && a.Until.Equal(b.Until) && a.Reason == b.Reason }
		if got := b.list(3, nil); !slices.EqualFunc(got, want, same) {
			t.Errorf("got %v, want %v", got, want)
		}
		if got := b.list(3, func(b Ban) bool { return b.Shown() == "192.0.2.2" }); len(got) != 1 || got[0].Address != quiet {
			t.Errorf("got %v, want %v alone", got, quiet)
		}
		time.Sleep(5 * time.Minute)
		if got := b.list(3, nil); len(got) != 0 {
			t.Errorf("got %v after their end", got)
		}
	})
}

// Somebody with a whole /32 neither pushes out a ban, nor makes failures forgotten, nor takes more
// memory, by failing once from each of a million networks.
func TestManyAddressesPushNobodyOut(t *testing.T) {
	b := newTestBans()
	fail(b, loud, 10, "u")
	fail(b, quiet, 9, "u")
	strikeSets, banSets := len(b.strikes.sets), len(b.banned.sets)
	for n := range 1_000_000 {
		if b.failed(nth(n), nil, nil, auth.BadPassword) > 0 {
			t.Fatal("banned for one failure")
		}
	}
	if b.remaining(loud) == 0 {
		t.Error("the ban is gone")
	}
	if !fail(b, quiet, 1, "u") {
		t.Error("the failures are forgotten")
	}
	for n := range 10_000 { // bans of its own cost it ten failures each
		fail(b, nth(n), 10, "u")
	}
	if b.remaining(loud) == 0 || b.remaining(quiet) == 0 {
		t.Error("a ban was pushed out by few others")
	}
	if got := b.active(); got < 10_000 {
		t.Errorf("%d bans are active, want 10,002", got)
	}
	if len(b.strikes.sets) != strikeSets || len(b.banned.sets) != banSets {
		t.Error("the tables grew")
	}
}

func TestBansOutliveAReload(t *testing.T) {
	b := newTestBans()
	fail(b, loud, 10, "u")
	fail(b, quiet, 5, "u")
	if lifted := b.limit(BanLimits{Failures: 6, Window: time.Minute, Time: time.Hour}); lifted != 0 {
		t.Errorf("%d were lifted, want none", lifted)
	}
	if b.remaining(loud) == 0 || b.remaining(loud) > 5*time.Minute {
		t.Errorf("the ban changed: %v left", b.remaining(loud))
	}
	if !fail(b, quiet, 1, "u") || b.remaining(quiet) < 59*time.Minute {
		t.Error("the new limits are not in force")
	}
	b.limit(BanLimits{})
	if b.remaining(loud) != 0 || b.active() != 0 || fail(b, loud, 100, "u") {
		t.Error("somebody is banned though nobody should be")
	}
}

func TestWhatMayBeAGuess(t *testing.T) {
	guesses := map[auth.Reason]bool{
		auth.NoCredentials: true, auth.BadPassword: true, auth.TokenMalformed: true, auth.AlgNotAllowed: true,
		auth.BadSignature: true, auth.ClaimMalformed: true, auth.ClaimMissing: true, auth.ClaimMismatch: true,
		auth.ClientIDMismatch: true,
	}
	for _, r := range auth.Reasons() {
		if got := mayBeGuess(r); got != guesses[r] {
			t.Errorf("%v: got %v, want %v", r, got, guesses[r])
		}
	}
}
