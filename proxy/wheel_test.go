package proxy

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// alarm is the owner of a timer.
type alarm struct {
	timer
	at    time.Time
	mu    sync.Mutex
	times []time.Time
}

func newAlarm(w *wheel, at time.Time) *alarm {
	a := &alarm{at: at}
	a.owner = a
	w.set(&a.timer, at)
	return a
}

func (a *alarm) due(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, now)
}

func (a *alarm) fired() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.times
}

// turn runs a wheel in a bubble.
func turn(t *testing.T, test func(t *testing.T, w *wheel)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel()
		go w.run()
		test(t, w)
		w.close()
	})
}

func TestWheelFiresOnceAndNeverEarly(t *testing.T) {
	turn(t, func(t *testing.T, w *wheel) {
		rnd := rand.New(rand.NewPCG(1, 1))
		var alarms []*alarm
		for range 500 {
			// Up to several revolutions, and some in the past.
			d := time.Duration(rnd.Int64N(int64(5*wheelSlots*wheelTick))) - time.Second
			alarms = append(alarms, newAlarm(w, time.Now().Add(d)))
			time.Sleep(time.Duration(rnd.Int64N(int64(20 * time.Millisecond))))
		}
		time.Sleep(6 * wheelSlots * wheelTick)
		synctest.Wait()
		for _, a := range alarms {
			if len(a.fired()) != 1 {
				t.Fatalf("fired %d times, want once", len(a.fired()))
			}
			if late := a.fired()[0].Sub(a.at); late < 0 || late > time.Second+3*wheelTick {
				t.Errorf("fired %v after its time", late)
			}
		}
		if !w.empty() {
			t.Error("the wheel is not empty")
		}
	})
}

func TestWheelIsWithinTwoTicks(t *testing.T) {
	turn(t, func(t *testing.T, w *wheel) {
		for _, d := range []time.Duration{1, wheelTick, wheelTick + 1, time.Second, 30 * time.Second, time.Hour} {
			a := newAlarm(w, time.Now().Add(d))
			time.Sleep(d + 2*wheelTick)
			synctest.Wait()
			if len(a.fired()) != 1 {
				t.Errorf("%v: fired %d times within two ticks", d, len(a.fired()))
			}
		}
	})
}

func TestWheelTimerThatIsUnsetOrMoved(t *testing.T) {
	turn(t, func(t *testing.T, w *wheel) {
		unset, moved := newAlarm(w, time.Now().Add(time.Second)), newAlarm(w, time.Now().Add(time.Second))
		w.unset(&unset.timer)
		w.unset(&unset.timer) // twice is harmless
		w.set(&moved.timer, time.Now().Add(time.Minute))
		time.Sleep(50 * time.Second)
		synctest.Wait()
		if len(unset.fired())+len(moved.fired()) > 0 {
			t.Errorf("fired: unset %d, moved %d times", len(unset.fired()), len(moved.fired()))
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if len(moved.fired()) != 1 {
			t.Errorf("the moved one fired %d times, want once", len(moved.fired()))
		}
	})
}

// A pause of the whole process makes nothing later than the pause.
func TestWheelCatchesUpAfterAPause(t *testing.T) {
	turn(t, func(t *testing.T, w *wheel) {
		slow := newAlarm(w, time.Now().Add(time.Second))
		slow.owner = pausing(10 * time.Second)
		a := newAlarm(w, time.Now().Add(30*time.Second))
		time.Sleep(30*time.Second + 2*wheelTick)
		synctest.Wait()
		if len(a.fired()) != 1 {
			t.Error("it is late by the pause")
		}
	})
}

// pausing is an owner that blocks the wheel, as a starved process does.
type pausing time.Duration

func (p pausing) due(time.Time) { time.Sleep(time.Duration(p)) }

// While the wheel is empty it does not tick: an idle process sleeps.
func TestWheelSleepsWhileItIsEmpty(t *testing.T) {
	turn(t, func(t *testing.T, w *wheel) {
		time.Sleep(24 * time.Hour)
		w.mu.Lock()
		if w.at != 0 {
			t.Errorf("it turned to slot %d while it was empty", w.at)
		}
		w.mu.Unlock()
		a := newAlarm(w, time.Now().Add(time.Second))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(a.fired()) != 1 {
			t.Error("it did not wake")
		}
	})
}

func BenchmarkWheelSet(b *testing.B) {
	w := newWheel()
	timers := make([]timer, 10_000)
	var n atomic.Int64
	now := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			t := &timers[n.Add(1)%int64(len(timers))]
			w.set(t, now.Add(time.Minute))
		}
	})
}

// A token may expire in the year 9999, which is further away than a duration reaches.
func TestWheelLooksAtFarTimersOnceARevolution(t *testing.T) {
	for _, when := range []time.Time{time.Unix(253402300799, 0), time.Now().Add(1<<63 - 1), time.Now().Add(time.Hour)} {
		w := newWheel()
		far := &timer{when: when}
		w.set(far, when)
		last := &w.slots[(w.at+wheelSlots-1)%wheelSlots]
		if last.next != far {
			t.Errorf("%v: it stands elsewhere than in the last slot", when)
		}
	}
}
