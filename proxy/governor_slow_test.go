package proxy

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestSlowStartAfterTheUpstreamWasDown(t *testing.T) {
	govern(t, UpstreamRate{Connects: 100, Burst: 50}, 1000, func(g *governed) {
		// Down: a tenth of the rate, and of the burst.
		g.dialled(time.Now(), errors.New("refused"))
		all := g.several(26, 1)
		g.expect(nil, 0, all[:5]...)
		g.expect(errTurnsFull, 0, all[25]) // twenty within two seconds
		time.Sleep(2 * time.Second)
		for i, d := range all[5:25] {
			g.expect(nil, time.Duration(i+1)*100*time.Millisecond, d)
		}
		// Back: the rate rises, whatever was saved meanwhile.
		time.Sleep(time.Hour)
		if g.start = time.Now(); !g.slow() {
			t.Error("the upstream is down: want slow")
		}
		g.dialled(time.Now(), nil)
		var went []time.Duration
		for time.Since(g.start) < 12*time.Second {
			for g.pass() {
				went = append(went, time.Since(g.start))
			}
			time.Sleep(time.Millisecond)
		}
		for second := range 12 {
			t0 := float64(second)
			want := 10 + 9*(t0+0.5) // the middle of what rises from 10 to 100
			if second >= 10 {
				want = 100
			}
			if second == 0 {
				want += 5 // the burst
			}
			got := 0
			for _, d := range went {
				if int(d.Seconds()) == second {
					got++
				}
			}
			if math.Abs(float64(got)-want) > 2 {
				t.Errorf("in second %d: %d went, want %v", second, got, want)
			}
		}
		if g.slow() {
			t.Error("the rate has risen: want not slow")
		}
	})
}

// Those who wait while it rises go by the rising rate.
func TestSlowStartOfThoseWhoWait(t *testing.T) {
	govern(t, UpstreamRate{Connects: 100, Burst: 1}, 1000, func(g *governed) {
		g.dialled(time.Now(), errors.New("refused"))
		g.expect(nil, 0, g.come(1))
		g.dialled(time.Now(), nil)
		all := g.several(100, 1)
		time.Sleep(2 * time.Second)
		// 2 s at 10 to 28 per second.
		if got := g.passed(all); got < 37 || got > 38 {
			t.Errorf("%d went in two seconds, want 38", got)
		}
		for i, d := range all[:37] {
			n := float64(i + 1) // 10 t + 9/2 t² = n
			want := time.Duration((math.Sqrt(100+18*n) - 10) / 9 * 1e9)
			g.expect(nil, want, d)
		}
	})
}

func TestOneDialThatFailsIsNoSlowStart(t *testing.T) {
	govern(t, UpstreamRate{Connects: 100, Burst: 10}, 1000, func(g *governed) {
		began := time.Now()
		time.Sleep(time.Second)
		g.dialled(time.Now(), nil)
		time.Sleep(time.Second)
		g.dialled(began, errors.New("timeout")) // others succeeded meanwhile
		if g.slow() || g.passed(g.several(10, 1)) != 10 {
			t.Error("one dial that failed while others succeeded slows all down")
		}
		g.dialled(time.Now(), errors.New("refused"))
		if !g.slow() {
			t.Error("no dial has succeeded since this one began: want slow")
		}
	})
}

func TestNewRateDoesNotEndASlowStart(t *testing.T) {
	govern(t, UpstreamRate{Connects: 100, Burst: 1}, 100, func(g *governed) {
		g.dialled(time.Now(), errors.New("refused"))
		g.limit(UpstreamRate{Connects: 200, Burst: 1}, 100)
		if !g.slow() || g.pace.at(time.Now()) != 20 {
			t.Errorf("slow %v, %v per second; want slow, and 20", g.slow(), g.pace.at(time.Now()))
		}
		g.limit(UpstreamRate{}, 100)
		g.limit(UpstreamRate{Connects: 200, Burst: 1}, 100)
		if g.slow() {
			t.Error("the rate was off: want no slow start")
		}
	})
}
