package daemon

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestASmallHeapIsCollectedLessOften(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 800}, {1 << 20, 800}, {8 << 20, 400}, {16 << 20, 200}, {32 << 20, 100}, {1 << 40, 100}} {
		if got := paceOf(c.live); got != c.want {
			t.Errorf("with %d bytes in use: got %d %%, want %d", c.live, got, c.want)
		}
	}
}

func TestPaceFollowsWhatIsInUse(t *testing.T) {
	t.Setenv("GOGC", "") // to have it put back
	for _, foreign := range []bool{false, true} {
		p := newPace()
		p.foreign = foreign
		runtime.GC()
		p.adapt()
		if got, want := p.set > usualPace, !foreign; got != want {
			t.Errorf("foreign %v: the pace is %d %%", foreign, p.set)
		}
		kept := make([]byte, 64<<20)
		runtime.GC()
		p.adapt()
		if p.set != usualPace {
			t.Errorf("with 64 MiB in use the pace is %d %%", p.set)
		}
		runtime.KeepAlive(kept)
		p.end()
		if got := debug.SetGCPercent(usualPace); got != usualPace {
			t.Errorf("it leaves %d %%", got)
		}
	}
}

func TestPaceLeavesTheEnvironmentsAlone(t *testing.T) {
	t.Setenv("GOGC", "50")
	p := newPace()
	p.adapt()
	if p.set != usualPace {
		t.Errorf("it was set to %d %%", p.set)
	}
}
