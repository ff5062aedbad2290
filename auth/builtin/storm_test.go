package builtin

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
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
		least := c.pool.queue.jobs.GivesWay(addressOf('b'))
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
		time.Sleep(crowdTimeout)
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
			want := int(crowdTimeout / tc.takes)
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

// Of a storm's first second, in which everything else wants the processors, little may be left in
// the pace when it is over: else few could wait, and the workers would have nothing to do while
// the others are away. What lasts is learnt.
func TestPaceForgetsABurstAndLearnsWhatLasts(t *testing.T) {
	const usual = 4 * time.Millisecond
	s := newStage(t, Options{Users: slowUser(nil), Workers: 2})
	took := func(hashes int, each time.Duration) float64 {
		for range hashes {
			s.pool.took(each, usual)
		}
		return s.pool.pace
	}
	took(100, usual)
	if got := took(50, 10*usual); got > 1.25 {
		t.Errorf("the pace is %.2f after a burst, want about 1", got)
	}
	if got := took(4000, 3*usual); got < 2.9 || got > 3.1 {
		t.Errorf("the pace is %.2f after 24 seconds at a third of the speed, want 3", got)
	}
}

// Whoever has a place in the queue is told of to the owner of its context; who is refused is not.
func TestWhoHasAPlaceIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, places := make(chan struct{}), 0
		s, err := New(Options{Users: slowUser(func([]byte) { <-release }), Workers: 1, Queue: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx := context.WithValue(t.Context(), auth.QueuedKey{}, func() { places++ })
		for come, want := range []int{1, 2, 2} { // with the worker, in the queue, refused
			inBackground(ctx, s)
			synctest.Wait()
			if places != want {
				t.Errorf("%d places are told of after %d clients, want %d", places, come+1, want)
			}
		}
		close(release)
		synctest.Wait()
	})
}

// Thousands of devices that were never seen come at once, and come again as devices do. Each
// refusal doubles the time for which its device stays away: whoever could be served within the
// time that it waits must not be refused.
func TestStormOfStrangersIsInByThePaceOfTheHashes(t *testing.T) {
	const workers = 2
	for _, tc := range []struct {
		devices, addresses int
		takes              time.Duration
	}{
		{5000, 250, 60 * time.Millisecond}, // bcrypt's usual cost
		{9000, 250, 4400 * time.Microsecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCrowd(t, tc.devices, tc.takes*2/3, tc.takes, Options{Workers: workers})
			c.timeout = 10 * time.Second // the default of auth_timeout
			begin := time.Now()
			for i := range tc.devices {
				c.clients.Go(func() {
					random := rand.New(rand.NewPCG(uint64(i), 0))
					delay := 5 * time.Second
					for !c.come(i, byte(i%tc.addresses), "pw") {
						time.Sleep(delay - time.Duration(random.Int64N(int64(delay/2))))
						delay = min(2*delay, time.Minute)
					}
				})
			}
			c.clients.Wait()
			need := time.Duration(tc.devices) * tc.takes / workers
			if took := time.Since(begin); took > need*3/2 {
				t.Errorf("%d devices at %d addresses, %v each: all were in after %v, want at most 1.5 times the %v of their hashes", tc.devices, tc.addresses, tc.takes, took, need)
			}
			if c.asked != tc.devices {
				t.Errorf("%d hashes for %d devices, want one each", c.asked, tc.devices)
			}
			if c.longest > defaultQueue {
				t.Errorf("%d waited, want %d at most", c.longest, defaultQueue)
			}
			refused := 0
			for _, n := range c.busy {
				refused += n
			}
			if refused < tc.devices/2 {
				t.Errorf("%d refusals of %d devices: that was no storm", refused, tc.devices)
			}
			// The others gave way to an address that had fewer, or were overtaken by such.
			if c.late > refused/5 || c.refused(errGaveUp) > tc.devices/5 {
				t.Errorf("%d of %d refusals were not at once: %v; want a fifth at most", c.late, refused, c.busy)
			}
			c.Close()
		})
	}
}
