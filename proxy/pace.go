package proxy

import (
	"math"
	"time"
)

const (
	// slowStartTime is how long the rate takes to rise to its full after the upstream was down.
	// A broker that has just begun loads its sessions while clients are at its door.
	slowStartTime = 10 * time.Second
	// slowStartShare is the part of the rate that it begins with, and that holds while the
	// upstream is down: what is tried then finds out when it is back. It is raised to
	// slowStartLeast a second, so that a low rate does not take long to find out.
	slowStartShare = 0.1
	slowStartLeast = 1
)

// pace is a rate in the course of time.
type pace struct {
	rate float64   // per second, in full
	down bool      // the upstream is
	back time.Time // since when the rate rises: when the upstream was back; zero: it never was away
}

// slow reports whether less than the full rate is in force.
func (p *pace) slow(now time.Time) bool {
	return p.down || !p.back.IsZero() && now.Before(p.back.Add(slowStartTime))
}

// at is the rate at a time that is no earlier than back.
func (p *pace) at(now time.Time) float64 {
	first := min(p.rate, max(p.rate*slowStartShare, slowStartLeast))
	switch {
	case p.down:
		return first
	case !p.slow(now):
		return p.rate
	}
	return first + (p.rate-first)*now.Sub(p.back).Seconds()/slowStartTime.Seconds()
}

// between is how many may go from one time to another, by what is known of the upstream now.
func (p *pace) between(from, to time.Time) float64 {
	n := 0.0
	if !p.down && p.slow(from) {
		end := earlier(to, p.back.Add(slowStartTime))
		n = (p.at(from) + p.at(end)) / 2 * end.Sub(from).Seconds()
		from = end
	}
	return n + p.at(from)*to.Sub(from).Seconds()
}

// until is how long it takes from now on until n more may go. The rate must not be 0.
func (p *pace) until(now time.Time, n float64) time.Duration {
	rate := p.at(now)
	seconds := n / rate
	if full := p.back.Add(slowStartTime); !p.down && p.slow(now) {
		rising := full.Sub(now).Seconds()
		if all := p.between(now, full); n > all {
			seconds = rising + (n-all)/p.rate
		} else if slope := (p.rate - rate) / rising; slope > 0 {
			// n is rate*t + slope*t²/2.
			seconds = (math.Sqrt(rate*rate+2*slope*n) - rate) / slope
		}
	}
	return time.Duration(math.Ceil(seconds * 1e9))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
