package proxy

import (
	"math"
	"testing"
	"time"
)

func TestPaceInTheCourseOfTime(t *testing.T) {
	back := time.Unix(1_000_000, 0)
	for _, tt := range []struct {
		name string
		p    pace
		at   time.Duration // after back
		rate float64
	}{
		{"never down", pace{rate: 100}, 0, 100},
		{"down", pace{rate: 100, down: true}, time.Hour, 10},
		{"down again", pace{rate: 100, down: true, back: back}, 5 * time.Second, 10},
		{"just back", pace{rate: 100, back: back}, 0, 10},
		{"half way", pace{rate: 100, back: back}, 5 * time.Second, 55},
		{"risen", pace{rate: 100, back: back}, 10 * time.Second, 100},
		{"long since", pace{rate: 100, back: back}, time.Hour, 100},
		{"a low rate while down", pace{rate: 5, down: true}, 0, 1},
		{"a low rate just back", pace{rate: 5, back: back}, 0, 1},
		{"the lowest rate is never slow", pace{rate: 1, down: true}, 0, 1},
		{"and does not rise", pace{rate: 1, back: back}, 5 * time.Second, 1},
	} {
		if got := tt.p.at(back.Add(tt.at)); math.Abs(got-tt.rate) > 1e-9 {
			t.Errorf("%s: %v per second, want %v", tt.name, got, tt.rate)
		}
	}
}

// between is compared with a sum over small steps, and until with between.
func TestPaceAddsUp(t *testing.T) {
	back := time.Unix(1_000_000, 0)
	for _, p := range []pace{
		{rate: 100}, {rate: 100, down: true}, {rate: 100, back: back}, {rate: 3, back: back},
		{rate: 1, back: back}, {rate: 250_000, back: back},
	} {
		for _, from := range []time.Duration{0, 3 * time.Second, 9900 * time.Millisecond, 10 * time.Second, time.Minute} {
			for _, length := range []time.Duration{0, time.Millisecond, 2 * time.Second, 15 * time.Second} {
				begin, sum := back.Add(from), 0.0
				const steps = 1000
				for i := range steps {
					middle := begin.Add(length * (2*time.Duration(i) + 1) / (2 * steps))
					sum += p.at(middle) * length.Seconds() / steps
				}
				got := p.between(begin, begin.Add(length))
				if math.Abs(got-sum) > 1e-3*sum {
					t.Errorf("%+v: from %v, in %v: %v go, want %v", p, from, length, got, sum)
				}
				if d := p.until(begin, got) - length; d < -time.Microsecond || d > time.Microsecond {
					t.Errorf("%+v: from %v, %v go in %v, want in %v", p, from, got, length+d, length)
				}
			}
		}
	}
}
