package proxy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// governed is a governor in a bubble, and what it has decided.
type governed struct {
	*governor
	t     *testing.T
	start time.Time
	told  sync.Mutex // guards the decisions
}

// decision is what becomes of one client.
type decision struct {
	w     *waiter
	times int // how often it was told
	err   error
	after time.Duration // since the start
}

// govern runs a test with a governor of this rate, where at most room clients wait.
func govern(t *testing.T, r UpstreamRate, room int, test func(g *governed)) {
	synctest.Test(t, func(t *testing.T) {
		g := &governed{governor: newGovernor(), t: t, start: time.Now()}
		g.limit(r, room*turnsShare)
		test(g)
		synctest.Wait()
		if g.queue.len() > 0 {
			t.Errorf("%d still wait", g.queue.len())
		}
		if g.timer.Stop() {
			t.Error("the timer is set, and nobody waits")
		}
	})
}

// come is a client of the i-th address that asks for its turn.
func (g *governed) come(i int) *decision {
	d := &decision{}
	decide := func(err error) {
		g.told.Lock()
		defer g.told.Unlock()
		d.times, d.err, d.after = d.times+1, err, time.Since(g.start)
	}
	w, err := g.enqueue(network(i), decide)
	if d.w = w; w == nil {
		decide(err)
	}
	return d
}

// several are n clients of the i-th address.
func (g *governed) several(n, i int) []*decision {
	all := make([]*decision, n)
	for k := range all {
		all[k] = g.come(i)
	}
	return all
}

// expect demands that clients were told this, once, at this time or hardly later.
func (g *governed) expect(err error, after time.Duration, all ...*decision) {
	g.t.Helper()
	synctest.Wait()
	g.told.Lock()
	defer g.told.Unlock()
	for i, d := range all {
		if d.times != 1 || !errors.Is(d.err, err) || d.after < after || d.after > after+10*time.Microsecond {
			g.t.Errorf("client %d: told %d times, %v after %v; want once, %v after %v", i, d.times, d.err, d.after, err, after)
		}
	}
}

// passed counts those that may go.
func (g *governed) passed(all []*decision) (n int) {
	synctest.Wait()
	g.told.Lock()
	defer g.told.Unlock()
	for _, d := range all {
		if d.times == 1 && d.err == nil {
			n++
		}
	}
	return n
}

func TestGovernorKeepsRateAndBurst(t *testing.T) {
	govern(t, UpstreamRate{Connects: 10, Burst: 3}, 100, func(g *governed) {
		all := g.several(24, 1)
		// Three at once, and in the two seconds that one may wait, twenty.
		g.expect(nil, 0, all[:3]...)
		g.expect(errTurnsFull, 0, all[23])
		time.Sleep(3 * time.Second)
		for i, d := range all[3:23] {
			g.expect(nil, time.Duration(i+1)*100*time.Millisecond, d)
		}
		// What was not used is kept, up to the burst.
		time.Sleep(time.Hour)
		all = g.several(4, 1)
		now := time.Since(g.start)
		g.expect(nil, now, all[:3]...)
		time.Sleep(100 * time.Millisecond)
		g.expect(nil, now+100*time.Millisecond, all[3])
	})
}

// No turn comes late, nor by a burst too few, because numbers are rounded.
func TestGovernorIsExact(t *testing.T) {
	for rate := 2; rate < 500; rate++ { // beyond, several go at each tick
		burst := rate/3 + 1
		govern(t, UpstreamRate{Connects: rate, Burst: burst}, 1000, func(g *governed) {
			time.Sleep(time.Hour)
			g.start = time.Now()
			all := g.several(burst+min(rate, 20), 1)
			g.expect(nil, 0, all[:burst]...)
			time.Sleep(10 * time.Second)
			for i, d := range all[burst:] {
				want := time.Duration((i + 1) * int(time.Second) / rate)
				g.expect(nil, want, d)
			}
		})
	}
}

func TestGovernorsBurstIsATenthOfASecond(t *testing.T) {
	for rate, burst := range map[int]int{1: 1, 9: 1, 10: 1, 250: 25} {
		govern(t, UpstreamRate{Connects: rate}, 0, func(g *governed) {
			if got := g.passed(g.several(rate+1, 1)); got != burst {
				t.Errorf("at %d per second %d go at once, want %d", rate, got, burst)
			}
		})
	}
}

// The rate is kept where a turn is shorter than the timer is exact.
func TestGovernorKeepsAHighRate(t *testing.T) {
	const rate = 20_000
	govern(t, UpstreamRate{Connects: rate, Burst: 1}, rate, func(g *governed) {
		all := g.several(rate, 1)
		time.Sleep(time.Second / 2)
		if got := g.passed(all); got < rate/2-rate/500 || got > rate/2+1 {
			t.Errorf("%d went in half a second, want %d", got, rate/2)
		}
		time.Sleep(time.Second)
		if got := g.passed(all); got != rate {
			t.Errorf("%d went, want all %d", got, rate)
		}
		wakeUps := map[time.Duration]bool{}
		for _, d := range all {
			wakeUps[d.after] = true
		}
		if got := len(wakeUps); got > 1001 {
			t.Errorf("the timer woke %d times in a second, want 1,000 at most", got)
		}
	})
}

// A timer that is late by less than turnSlack does not make the rate lower; one that is later,
// as after a machine was suspended, does not make up for it with a flood.
func TestGovernorsTimerMayBeLate(t *testing.T) {
	for late, want := range map[time.Duration]int{5 * time.Millisecond: 5, time.Hour: 1 + 10} {
		govern(t, UpstreamRate{Connects: 1000, Burst: 1}, 100, func(g *governed) {
			all := g.several(50, 1)
			g.timer.Stop()
			g.then = g.then.Add(-late)
			g.wake()
			if got := g.passed(all) - 1; got != want { // one went at once
				t.Errorf("%v late: %d went, want %d", late, got, want)
			}
			time.Sleep(time.Second)
		})
	}
}

func TestGovernorServesAddressesInTurn(t *testing.T) {
	govern(t, UpstreamRate{Connects: 10, Burst: 1}, 100, func(g *governed) {
		g.expect(nil, 0, g.come(1))
		crowd := g.several(10, 1)
		alone := g.come(2)
		time.Sleep(2 * time.Second)
		g.expect(nil, 100*time.Millisecond, crowd[0])
		g.expect(nil, 200*time.Millisecond, alone)
		for i, d := range crowd[1:] {
			g.expect(nil, time.Duration(i+3)*100*time.Millisecond, d)
		}
	})
}

func TestNewestOfTheBusiestGivesItsTurn(t *testing.T) {
	govern(t, UpstreamRate{Connects: 10, Burst: 1}, 4, func(g *governed) {
		g.expect(nil, 0, g.come(1))
		crowd := g.several(5, 1)
		g.expect(errTurnsFull, 0, crowd[4]) // to its own it does not give way
		first := g.come(2)
		g.expect(errGaveWay, 0, crowd[3])
		second := g.come(2)
		g.expect(errGaveWay, 0, crowd[2])
		g.expect(errTurnsFull, 0, g.come(2)) // two and two: one would only push out the other
		third := g.come(3)
		g.expect(errGaveWay, 0, second) // it came last to what the busiest have
		fourth := g.come(4)
		g.expect(errGaveWay, 0, crowd[1])
		g.expect(errTurnsFull, 0, g.come(5)) // nobody has more than it would
		time.Sleep(time.Second)
		for i, d := range []*decision{crowd[0], first, third, fourth} {
			g.expect(nil, time.Duration(i+1)*100*time.Millisecond, d)
		}
	})
}

// Where other addresses come again and again, nobody waits for longer than two seconds: not
// those either who are passed over.
func TestNobodyWaitsForLong(t *testing.T) {
	govern(t, UpstreamRate{Connects: 10, Burst: 1}, 1000, func(g *governed) {
		crowd := g.several(21, 0)
		var others []*decision
		for i := range 10 {
			time.Sleep(100 * time.Millisecond)
			others = append(others, g.come(2*i+1), g.come(2*i+2))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		g.told.Lock()
		defer g.told.Unlock()
		ends := map[error]int{}
		for _, d := range slices.Concat(crowd, others) {
			if d.times != 1 {
				t.Errorf("a client was told %d times", d.times)
			}
			ends[d.err]++
		}
		for _, d := range crowd {
			if d.after > maxTurnWait+2*time.Millisecond {
				t.Errorf("one waited for %v", d.after)
			}
		}
		if ends[errTurnLate] == 0 || ends[errGaveWay] == 0 || ends[nil] < 20 {
			t.Errorf("got %v, want some of each", ends)
		}
	})
}

func TestGovernorThatIsOff(t *testing.T) {
	govern(t, UpstreamRate{Burst: 1}, 0, func(g *governed) {
		g.dialled(time.Now(), errors.New("refused"))
		g.dialled(time.Now(), nil)
		if got := g.passed(g.several(10_000, 1)); got != 10_000 || g.slow() {
			t.Errorf("%d of 10,000 went, slow %v; want all, and no slow start", got, g.slow())
		}
	})
}

func TestDrainEndsTheWaitingAtOnce(t *testing.T) {
	govern(t, UpstreamRate{Connects: 1, Burst: 1}, 10, func(g *governed) {
		ctx, cancel := context.WithCancel(context.Background())
		if err := g.admit(ctx, network(1)); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- g.admit(ctx, network(1)) }()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		}
		if took := time.Since(g.start); took > 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}

func TestWithdrawnClientTakesNoTurn(t *testing.T) {
	govern(t, UpstreamRate{Connects: 10, Burst: 1}, 10, func(g *governed) {
		all := g.several(3, 1)
		if !g.withdraw(all[1].w) || g.withdraw(all[1].w) {
			t.Error("withdraw: got the wrong answer, want true and then false")
		}
		time.Sleep(time.Second)
		g.expect(nil, 100*time.Millisecond, all[2])
		if g.told.Lock(); all[1].times > 0 {
			t.Errorf("who has withdrawn was told %v", all[1].err)
		}
		g.told.Unlock()
	})
}

func TestNewRateIsForThoseWhoWait(t *testing.T) {
	govern(t, UpstreamRate{Connects: 1, Burst: 1}, 10, func(g *governed) {
		all := g.several(3, 1)
		g.expect(nil, 0, all[0])
		time.Sleep(500 * time.Millisecond)
		// Half a turn is there already, and half a one is still to come.
		g.limit(UpstreamRate{Connects: 10, Burst: 5}, 40)
		time.Sleep(time.Second)
		g.expect(nil, 550*time.Millisecond, all[1])
		g.expect(nil, 650*time.Millisecond, all[2])
		// A lower burst holds at once.
		g.limit(UpstreamRate{Connects: 10, Burst: 2}, 40)
		now := time.Since(g.start)
		all = g.several(12, 1)
		g.expect(nil, now, all[:2]...)
		g.expect(errTurnsFull, now, g.come(1)) // ten wait
		// And less room for those who come.
		g.limit(UpstreamRate{Connects: 10, Burst: 2}, 20)
		time.Sleep(300 * time.Millisecond)
		g.expect(errTurnsFull, now+300*time.Millisecond, g.come(1))
		// No rate: they all go.
		g.limit(UpstreamRate{}, 40)
		g.expect(nil, now+300*time.Millisecond, all[5:]...)
	})
}
