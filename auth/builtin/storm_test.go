package builtin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestFloodOfAnAddressLeavesOthersTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 30, time.Millisecond, time.Millisecond, Options{Workers: 1, Queue: 10})
		for i := range 20 {
			c.after(i, 'a')
		}
		c.after(20, 'b')
		c.after(21, 'b')
		c.after(22, 'c')
		c.end()
		want := []string{"dev-0", "dev-1", "dev-20", "dev-22", "dev-2", "dev-21", "dev-3"}
		for i, name := range want {
			if i >= len(c.accepted) || c.accepted[i] != name {
				t.Fatalf("let in: %q, want first %q", c.accepted, want)
			}
		}
		// Nine more of the flood, and the three that gave way to others.
		if got := c.refused(errQueueFull); got != 12 || len(c.accepted) != 11 {
			t.Errorf("%d refused and %d let in, want 12 and 11", got, len(c.accepted))
		}
	})
}

func TestClientThatGivesWayIsToldAtOnceAndItsPasswordWiped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4, time.Second, time.Second, Options{Workers: 1, Queue: 2})
		for i := range 3 {
			c.after(i, 'a')
		}
		c.pool.mu.Lock()
		least := c.pool.queue.least(addressOf('b'))
		c.pool.mu.Unlock()
		c.after(3, 'b')
		if c.refused(errQueueFull) != 1 || c.slowest != 0 {
			t.Errorf("busy: %v after %v, want one for the full queue at once", c.busy, c.slowest)
		}
		if string(least.password) != "\x00\x00" {
			t.Errorf("the password of who gave way is %q, want it wiped", least.password)
		}
		c.end()
		if want := "[dev-0 dev-1 dev-3]"; fmt.Sprint(c.accepted) != want {
			t.Errorf("let in: %v, want %s", c.accepted, want)
		}
	})
}

func TestClientsThatGaveUpLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The estimate is wrong by far, and nothing has been measured yet.
		c := newCrowd(t, 4, time.Millisecond, 7*time.Second, Options{Workers: 1, Queue: 3})
		for i := range 4 {
			c.after(i, 'a')
		}
		time.Sleep(usualAuthTimeout)
		synctest.Wait()
		if waiting := c.waiting(); waiting != 0 || c.refused(errGaveUp) != 4 {
			t.Errorf("%d wait after their time, busy: %v; want none, and 4 that gave up", waiting, c.busy)
		}
		c.end()
		if c.asked != 1 {
			t.Errorf("%d hashes, want the one that was begun", c.asked)
		}
	})
}

// A client may give up in the moment in which a worker takes its job.
func TestJobOfAnEndedContextIsTakenAndNotComputed(t *testing.T) {
	h := &fakeHash{run: func([]byte) { t.Error("a hash was computed") }}
	s := newStage(t, Options{Users: slowUser(nil), Workers: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := &job{ctx: ctx, hash: h, password: []byte("pw"), done: make(chan outcome, 1)}
	s.pool.do(j)
	if out := <-j.done; out.err != errGaveUp || string(j.password) != "\x00\x00" {
		t.Errorf("outcome = %v, password %q left; want %v and a wiped one", out.err, j.password, errGaveUp)
	}
}

func TestWhoCannotBeServedInTimeIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 900 * time.Millisecond
		c := newCrowd(t, 20, takes, takes, Options{Workers: 1, Queue: 20})
		for i := range 15 {
			c.after(i, 'a')
		}
		// One is computed and four wait: the next would be done after 5.4 seconds.
		if got := c.refused(errTooLate); got != 10 || c.slowest != 0 {
			t.Errorf("busy: %v after %v, want 10 that would be too late, at once", c.busy, c.slowest)
		}
		c.after(15, 'b') // whose turn is next
		c.end()
		if want := "[dev-0 dev-1 dev-15 dev-2 dev-3]"; fmt.Sprint(c.accepted) != want || c.refused(errTooLate) != 11 {
			t.Errorf("let in: %v, busy: %v, want %s, and one more that gave way", c.accepted, c.busy, want)
		}
	})
}

func TestPaceIsLearnt(t *testing.T) {
	for _, tc := range []struct{ estimate, takes time.Duration }{
		{10 * time.Millisecond, 100 * time.Millisecond},
		{100 * time.Millisecond, 10 * time.Millisecond},
		{time.Minute, 10 * time.Millisecond}, // by the estimate nobody could ever be served
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, 1, tc.estimate, tc.takes, Options{Workers: 1, Queue: 1000})
			for range 100 {
				c.come(0, 'a', "no")
			}
			for range 1000 {
				c.clients.Go(func() { c.come(0, 'a', "no") })
				synctest.Wait()
			}
			want := int(usualAuthTimeout / tc.takes)
			if got := c.waiting(); got < want*8/10 || got > want*12/10 {
				t.Errorf("estimated at %v, taking %v: %d wait, want about %d", tc.estimate, tc.takes, got, want)
			}
			c.end()
		})
	}
}

// A thread that was held up for an hour, say with the whole machine, shuts nobody out for long.
func TestOneStallShutsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 1, 50*time.Millisecond, 50*time.Millisecond, Options{Workers: 1, Queue: 100})
		c.pool.took(time.Hour, 50*time.Millisecond)
		for range 50 {
			c.clients.Go(func() { c.come(0, 'a', "no") })
			synctest.Wait()
		}
		if len(c.busy) > 0 {
			t.Errorf("busy: %v, want nobody", c.busy)
		}
		c.end()
	})
}

// Thousands of devices that were never seen come at once, and come again as devices do.
func TestStormOfStrangersIsInByThePaceOfTheHashes(t *testing.T) {
	const (
		devices = 5000
		takes   = 60 * time.Millisecond
		workers = 2
		places  = 1024
	)
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, devices, takes*2/3, takes, Options{Workers: workers, Places: places})
		begin := time.Now()
		for i := range devices {
			c.clients.Go(func() {
				random := rand.New(rand.NewPCG(uint64(i), 0))
				delay := 5 * time.Second
				for !c.come(i, byte(i%250), "pw") {
					time.Sleep(delay/2 + time.Duration(random.Int64N(int64(delay))))
					delay = min(2*delay, time.Minute)
				}
			})
		}
		c.clients.Wait()
		need := devices * takes / workers
		if took := time.Since(begin); took > need*3/2 {
			t.Errorf("all were in after %v, want at most 1.5 times the %v of their hashes", took, need)
		}
		if c.asked != devices {
			t.Errorf("%d hashes for %d devices, want one each", c.asked, devices)
		}
		if c.longest > places/4 {
			t.Errorf("%d waited, want %d at most", c.longest, places/4)
		}
		refused := 0
		for _, n := range c.busy {
			refused += n
		}
		if refused < devices {
			t.Errorf("%d refusals of %d devices: that was no storm", refused, devices)
		}
		// The others gave way to an address that had fewer.
		if c.late > refused/5 || c.refused(errGaveUp) > devices/10 {
			t.Errorf("%d of %d refusals were not at once: %v; want a fifth at most", c.late, refused, c.busy)
		}
		c.Close()
	})
}
