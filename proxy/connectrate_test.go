package proxy

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
)

var (
	loud  = netip.MustParsePrefix("192.0.2.1/32")
	quiet = netip.MustParsePrefix("192.0.2.2/32")
)

// passes is how many of n clients of an address pass, one after the other over a time.
func passes(r *connectRates, address netip.Prefix, n int, over time.Duration) int {
	passed := 0
	for range n {
		if r.pass(address) == nil {
			passed++
		}
		time.Sleep(over / time.Duration(n))
	}
	return passed
}

func expectAbout(t *testing.T, what string, got, want, slack int) {
	t.Helper()
	if got < want-slack || got > want+slack {
		t.Errorf("%s: got %d, want %d, give or take %d", what, got, want, slack)
	}
}

func TestConnectRatePerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newConnectRates()
		r.limit(0, 20)
		// As many at once as in a second, and then so many a second.
		expectAbout(t, "at once", passes(r, loud, 50, 0), 20, 0)
		expectAbout(t, "in 10 s", passes(r, loud, 2000, 10*time.Second), 200, 1)
		refused := r.pass(loud)
		for refused == nil {
			refused = r.pass(loud)
		}
		if refused.reason != auth.RateLimited || refused.met != LimitConnectRatePerAddress {
			t.Errorf("got %+v", refused)
		}
		expectAbout(t, "of another address", passes(r, quiet, 20, 0), 20, 0)
	})
}

func TestLowestConnectRates(t *testing.T) {
	for _, limits := range [][2]int{{0, 1}, {1, 0}, {1, 1}} {
		synctest.Test(t, func(t *testing.T) {
			r := newConnectRates()
			r.limit(limits[0], limits[1])
			expectAbout(t, "in 20 s", passes(r, loud, 2000, 20*time.Second), 20, 1)
		})
	}
}

// Whoever is alone gets all of the rate; who comes beside it with less gets what it wants.
func TestConnectRateIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newConnectRates()
		r.limit(100, 0)
		passes(r, loud, 1000, 5*time.Second) // whatever came at once is over
		expectAbout(t, "alone, in 10 s", passes(r, loud, 20_000, 10*time.Second), 1000, 5)

		fromLoud, fromQuiet := 0, 0
		for ms := range 12 * 1000 {
			if ms == 2000 { // what was left while it was alone is gone
				fromLoud, fromQuiet = 0, 0
			}
			for range 10 {
				if r.pass(loud) == nil {
					fromLoud++
				}
			}
			if ms%25 == 0 && r.pass(quiet) == nil { // 40 a second
				fromQuiet++
			}
			time.Sleep(time.Millisecond)
		}
		expectAbout(t, "of one that wants 40 a second, in 10 s", fromQuiet, 400, 0)
		expectAbout(t, "of the flood beside it", fromLoud, 600, 20)

		// Ten floods, and one that wants little.
		fromQuiet = 0
		for ms := range 10 * 1000 {
			for n := range 10 {
				r.pass(nth(n))
			}
			if ms%500 == 0 && r.pass(nth(10)) == nil {
				fromQuiet++
			}
			time.Sleep(time.Millisecond)
		}
		expectAbout(t, "beside ten floods, in 10 s", fromQuiet, 20, 0)
	})
}

// What is refused for its address takes nothing from the others.
func TestRefusedConnectsTakeNothingOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newConnectRates()
		r.limit(100, 10)
		passes(r, loud, 10_000, 0)
		expectAbout(t, "left for others", passes(r, quiet, 10, 0), 10, 0)
		if r := r.pass(quiet); r == nil || r.met != LimitConnectRatePerAddress {
			t.Errorf("got %+v, want its own limit", r)
		}
	})
}

// A flood from as many addresses as anybody has does not have the rest forgotten, and takes no
// more memory.
func TestManyAddressesDoNotHideOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newConnectRates()
		r.limit(0, 10)
		passes(r, loud, 10, 0)
		sets := len(r.byOrigin.sets)
		for n := range 4 * ratedAddresses {
			r.pass(nth(n))
		}
		if got := passes(r, loud, 10, 0); got != 0 {
			t.Errorf("%d more passed: it was forgotten", got)
		}
		if len(r.byOrigin.sets) != sets {
			t.Error("the table grew")
		}
	})
}

func TestConnectRatesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newConnectRates()
		expectAbout(t, "without a bound", passes(r, loud, 1000, 0), 1000, 0)
		r.limit(0, 10)
		expectAbout(t, "10", passes(r, loud, 100, 0), 10, 0)
		r.limit(0, 30)
		expectAbout(t, "30", passes(r, loud, 100, 0), 30, 0)
		r.limit(20, 0)
		expectAbout(t, "20 of all, half of which an address leaves", passes(r, quiet, 100, 0), 10, 1)
		r.limit(0, 0)
		expectAbout(t, "without a bound again", passes(r, loud, 1000, 0), 1000, 0)
		if r.byOrigin != nil {
			t.Error("what nobody needs is kept")
		}
	})
}

func TestJudgingAnAddressAllocatesNothing(t *testing.T) {
	r, b := newConnectRates(), newBans()
	r.limit(1_000_000, 1_000_000)
	b.limit(BanLimits{Failures: 10, Window: time.Minute, Time: time.Minute})
	n := 0
	if got := testing.AllocsPerRun(1000, func() {
		n++
		_, _ = r.pass(nth(n)), b.remaining(nth(n))
		b.forgive(nth(n), []byte("user"), nil)
	}); got != 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

func BenchmarkJudgeAddress(b *testing.B) {
	for name, limits := range map[string]struct {
		rate int
		ban  BanLimits
	}{"off": {}, "on": {1_000_000_000, BanLimits{Failures: 10, Window: time.Minute, Time: time.Minute}}} {
		b.Run(name, func(b *testing.B) {
			r, bans := newConnectRates(), newBans()
			r.limit(limits.rate, limits.rate)
			bans.limit(limits.ban)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if bans.remaining(nth(n)) > 0 || r.pass(nth(n)) != nil {
					b.Fatal("refused")
				}
				bans.forgive(nth(n), []byte("user"), nil)
			}
		})
	}
}
