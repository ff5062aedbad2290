package builtin

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
)

// crowdTimeout is how long the clients of a crowd may wait, where nothing else is said.
const crowdTimeout = 5 * time.Second

// crowd is a stage whose hashes take a time, and what became of its clients. It lives in a
// bubble.
type crowd struct {
	*Stage
	t       *testing.T
	clients sync.WaitGroup
	timeout time.Duration // of a client

	mu       sync.Mutex
	asked    int
	accepted []string // in their order
	busy     map[string]int
	slowest  time.Duration // to be refused
	late     int           // refusals that were not at once
	longest  int           // the queue, at most
}

// newCrowd returns a stage of users dev-0 and so on, whose hashes are estimated to take
// estimate and take takes, or of one user dev-0.
func newCrowd(t *testing.T, users int, estimate, takes time.Duration, o Options) *crowd {
	c := &crowd{t: t, timeout: crowdTimeout, busy: map[string]int{}}
	h := &fakeHash{password: "pw", takes: estimate, run: func([]byte) {
		time.Sleep(takes)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked++
	}}
	for i := range users {
		o.Users = append(o.Users, User{Name: fmt.Sprint("dev-", i), Hash: h})
	}
	var err error
	if c.Stage, err = New(o); err != nil {
		t.Fatal(err)
	}
	return c
}

// come authenticates a user from an address, and reports whether it was let in.
func (c *crowd) come(user int, address byte, password string) bool {
	creds := credentials(fmt.Sprint("dev-", user), password)
	creds.Address = addressOf(address)
	ctx, cancel := context.WithTimeout(c.t.Context(), c.timeout)
	defer cancel()
	begin := time.Now()
	v := c.Authenticate(ctx, creds)
	took := time.Since(begin)
	waiting := c.waiting()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, waiting)
	switch {
	case v.Decision == auth.Accept:
		c.accepted = append(c.accepted, string(creds.UserName))
		return true
	case v.Reason == auth.Busy:
		c.busy[v.Detail]++
		c.slowest = max(c.slowest, took)
		if took > 0 {
			c.late++
		}
	}
	return false
}

// waiting returns how many wait for a worker.
func (c *crowd) waiting() int {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	return c.pool.queue.jobs.Len()
}

// refused returns how many were refused so far, for a cause.
func (c *crowd) refused(cause error) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busy[cause.Error()]
}

// after has a client come once in the background, and waits until it waits or has gone.
func (c *crowd) after(user int, address byte) {
	c.clients.Go(func() { c.come(user, address, "pw") })
	synctest.Wait()
}

func (c *crowd) end() {
	c.clients.Wait()
	c.Close()
}
