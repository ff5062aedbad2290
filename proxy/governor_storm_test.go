package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever comes, from whichever addresses, with the upstream going down and coming back and
// clients that leave: in no stretch of time go more than rate and burst allow, nobody waits for
// longer than two seconds or is told twice, and no more wait than there is room for.
func TestGovernorInAStorm(t *testing.T) {
	const rate, burst, room = 200, 20, 150
	for seed := range uint64(5) {
		govern(t, UpstreamRate{Connects: rate, Burst: burst}, room, func(g *governed) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			var all []*decision
			came := map[*decision]time.Duration{}
			withdrawn := 0
			for time.Since(g.start) < 30*time.Second {
				time.Sleep(time.Duration(rnd.IntN(int(10 * time.Millisecond))))
				for range rnd.IntN(8) {
					d := g.come(min(rnd.IntN(30), rnd.IntN(30), rnd.IntN(30)))
					all, came[d] = append(all, d), time.Since(g.start)
					if d.w != nil && rnd.IntN(20) == 0 && g.withdraw(d.w) {
						g.told.Lock()
						d.times, d.err, d.after = d.times+1, context.Canceled, came[d]
						g.told.Unlock()
						withdrawn++
					}
				}
				switch rnd.IntN(300) {
				case 0:
					g.dialled(time.Now(), errors.New("refused"))
				case 1:
					g.dialled(time.Now(), nil)
				}
				g.mu.Lock()
				if n := g.queue.len(); n > room {
					t.Errorf("%d wait, there is room for %d", n, room)
				}
				g.mu.Unlock()
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			g.told.Lock()
			defer g.told.Unlock()
			var went []time.Duration
			for _, d := range all {
				if d.times != 1 || d.after-came[d] > maxTurnWait+2*time.Millisecond {
					t.Fatalf("told %d times, after %v", d.times, d.after-came[d])
				}
				if d.err == nil {
					went = append(went, d.after)
				}
			}
			slices.Sort(went)
			for i, from := range went {
				for k := i + burst; k < len(went); k += 17 {
					if most := burst + rate*((went[k]-from)+turnSlack).Seconds() + 1; float64(k-i+1) > most {
						t.Fatalf("%d went in %v, want %v at most", k-i+1, went[k]-from, most)
					}
				}
			}
			if len(went) < 500 || withdrawn == 0 {
				t.Errorf("%d went and %d withdrew: the storm is none", len(went), withdrawn)
			}
		})
	}
}

// Everything at once, for the race detector: each client gets one answer, and nothing is left.
func TestGovernorIsSafeForConcurrentUse(t *testing.T) {
	g := newGovernor()
	g.limit(UpstreamRate{Connects: 20_000}, 400)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var clients, others sync.WaitGroup
	stop := make(chan struct{})
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			g.limit(UpstreamRate{Connects: 20_000 * (i % 5), Burst: i % 50}, 400)
			g.dialled(time.Now(), nil)
			g.dialled(time.Now(), errors.New("refused"))
			g.slow()
		}
	})
	var went, refused, gone atomic.Int64
	for i := range 40 {
		clients.Go(func() {
			for k := range 200 {
				ctx, cancel := context.WithCancel(ctx)
				if k%10 == 0 {
					time.AfterFunc(time.Millisecond, cancel)
				}
				switch err := g.admit(ctx, network(i%6)); {
				case err == nil:
					went.Add(1)
				case errors.Is(err, context.Canceled):
					gone.Add(1)
				default:
					refused.Add(1)
				}
				cancel()
			}
		})
	}
	clients.Wait()
	close(stop)
	others.Wait()
	if n := went.Load() + refused.Load() + gone.Load(); n != 40*200 || went.Load() == 0 || g.queue.len() > 0 {
		t.Errorf("%d went, %d were refused, %d withdrew, and %d wait; want %d, and none", went.Load(), refused.Load(), gone.Load(), g.queue.len(), 40*200)
	}
}

// A full queue of 1,001 addresses, of which one has 1,000 clients waiting and the others one each.
func BenchmarkGovernorFull(b *testing.B) {
	g := newGovernor()
	ignore := func(error) {}
	fill := func(address int) { g.queue.push(network(address), &waiter{since: time.Now(), done: ignore}) }
	for i := range 1000 {
		fill(0)
		fill(i + 1)
	}
	g.burst, g.room, g.pace.rate = 1, g.queue.len(), 1e-6 // nobody's turn comes while this runs
	b.Run("refused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if w, _ := g.enqueue(network(0), ignore); w != nil {
				b.Fatal("not refused")
			}
		}
	})
	// The newcomer then makes room for another one of the crowd.
	b.Run("another gives way", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, _ := g.enqueue(network(2000), ignore)
			if w == nil || !g.withdraw(w) {
				b.Fatal("refused")
			}
			fill(0)
		}
	})
}

// What a client costs that does not wait, with a rate and without one: no allocation.
func BenchmarkGovernorAdmit(b *testing.B) {
	for name, rate := range map[string]int{"off": 0, "on": 1_000_000_000} {
		b.Run(name, func(b *testing.B) {
			g := newGovernor()
			g.limit(UpstreamRate{Connects: rate}, 1024)
			ctx, address := context.Background(), network(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := g.admit(ctx, address); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestAdmissionDoesNotAllocate(t *testing.T) {
	for _, rate := range []int{0, 1_000_000_000} {
		g := newGovernor()
		g.limit(UpstreamRate{Connects: rate}, 1024)
		if n := testing.AllocsPerRun(100, func() { _ = g.admit(context.Background(), network(1)) }); n > 0 {
			t.Errorf("at %d per second: %v allocations, want 0", rate, n)
		}
	}
}
