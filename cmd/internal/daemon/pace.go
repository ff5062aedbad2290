package daemon

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// leastGarbage is how many bytes are allocated between two collections at least. The runtime
	// collects whenever as much was allocated as is in use, which is very often where that is little: a
	// proxy with few sessions would spend a twentieth of each connect on it.
	leastGarbage = 32 << 20
	// usualPace is the runtime's own, in per cent, and slowestPace what is set at most.
	usualPace, slowestPace = 100, 800
)

// pace sets how much may be allocated between two collections, by what is in use. It leaves alone what
// the environment says (GOGC); a limit of all memory (GOMEMLIMIT) holds whatever it sets.
type pace struct {
	live    [1]metrics.Sample
	set     int // per cent
	foreign bool
}

func newPace() *pace {
	p := &pace{set: usualPace}
	p.live[0].Name = "/gc/heap/live:bytes"
	_, p.foreign = os.LookupEnv("GOGC")
	return p
}

// adapt follows what is in use as of the last collection.
func (p *pace) adapt() {
	if p.foreign {
		return
	}
	metrics.Read(p.live[:])
	want := paceOf(p.live[0].Value.Uint64())
	// To set it stops the process for a moment.
	if change := want - p.set; change < p.set/4 && -change < p.set/4 {
		return
	}
	p.set = want
	debug.SetGCPercent(want)
}

// paceOf is the pace where a number of bytes is in use.
func paceOf(live uint64) int {
	return int(max(usualPace, min(slowestPace, leastGarbage*100/max(live, 1))))
}

// end leaves the runtime as it was.
func (p *pace) end() {
	if !p.foreign {
		debug.SetGCPercent(usualPace)
	}
}
