package upstream

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rests counts for how long an address is left alone after a failure.
func rests(h *health) time.Duration {
	begun := time.Now()
	for {
		if s, _ := h.standing(nil, time.Now); s != resting {
			return time.Since(begun)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestRestsBecomeLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h health
		if !h.failed(time.Now()) {
			t.Error("the first failure is not the first")
		}
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			if got := rests(&h); got != want*time.Second {
				t.Errorf("got a rest of %v, want %ds", got, want)
			}
			if h.failed(time.Now()) {
				t.Error("another failure is the first")
			}
		}
		if !h.reached(nil) || h.reached(nil) {
			t.Error("a return is not told once")
		}
		h.failed(time.Now())
		if got := rests(&h); got != time.Second {
			t.Errorf("after it was back: got a rest of %v, want 1s", got)
		}
	})
}

// Clients that were under way together fail together: that is one failure.
func TestManyFailAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h health
		for range 100 {
			h.failed(time.Now())
		}
		if got := rests(&h); got != time.Second {
			t.Errorf("got a rest of %v, want 1s", got)
		}
	})
}

// When an address has rested, one client finds out whether it is back; while it does, the others
// go elsewhere.
func TestOneClientTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := nodes(t, RoundRobin, 2)
		h := &p.targets[0].health
		h.failed(time.Now())
		time.Sleep(restMin)
		var mu sync.Mutex
		tries := 0
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if p.first("") == &p.targets[0] {
					mu.Lock()
					tries++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		if tries != 1 {
			t.Errorf("got %d tries, want 1", tries)
		}
		time.Sleep(time.Second) // its time is over, and it never told
		if a, b := p.first(""), p.first(""); a != &p.targets[0] && b != &p.targets[0] {
			t.Error("a try that never ended keeps the address out")
		}
		h.failed(time.Now())
		if got := rests(h); got != 2*time.Second {
			t.Errorf("after a try: got a rest of %v, want 2s", got)
		}
	})
}

func TestStatusOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := nodes(t, RoundRobin, 2)
		p.targets[1].health.failed(time.Now())
		failed := time.Now()
		time.Sleep(time.Hour)
		s := p.Status()
		if !s[0].Up() || s[1].Up() || !s[1].FailedAt.Equal(failed) {
			t.Errorf("got %+v, want that the second failed an hour ago", s)
		}
		// A reload forgets nothing of what it keeps.
		next, err := New(Options{Addresses: []string{p.targets[1].Name, "10.0.0.9:1883"}, Before: p})
		if err != nil {
			t.Fatal(err)
		}
		if s := next.Status(); s[0].Up() || !s[1].Up() {
			t.Errorf("after a reload: got %+v", s)
		}
		next.targets[0].health.reached(p)
		if s := p.Status(); !s[1].Up() {
			t.Errorf("after its return: got %+v", s)
		}
	})
}
