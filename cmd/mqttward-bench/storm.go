package main

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// A device that is not let in comes again after firstRetry, the next time after double that,
// and so on up to lastRetry; each time it takes a random part off, half at most.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 60 * time.Second
)

// serverUnavailable is the refusal after which a device comes again. Any other is final.
// [MQTT311 3.2.2.3]
const serverUnavailable = 3

// storm has Count devices come at once, each of which then stays. It lasts until all are in,
// and fails where that takes longer than the order's Duration.
func (c *clients) storm(o order) (outcome, error) {
	c.release()
	c.o, c.held = o, make([]net.Conn, o.Count)
	t := &tally{start: time.Now()}
	err := each(o.Count, o.Count, func(i int) (err error) {
		d := c.device(&o, nil, i)
		c.held[i], err = d.insist(t, o.Duration)
		return err
	})
	return t.outcome(), err
}

// insist connects until the device is in, or until so much time has passed since the tally's
// start.
func (d *device) insist(t *tally, most time.Duration) (net.Conn, error) {
	next, stop := iter.Pull(retries(d.serial))
	defer stop()
	for {
		start, code := time.Now(), byte(0)
		conn, err := d.dial()
		sent := time.Now()
		if err == nil {
			t.connected(sent.Sub(start))
			code, err = d.greet(conn)
		}
		switch {
		case err != nil:
			t.cutOff()
		case code == 0:
			t.letIn()
			return conn, nil
		default:
			conn.Close()
			if code != serverUnavailable {
				return nil, fmt.Errorf("refused for good, with code %d", code)
			}
			t.refuse(time.Since(sent))
			err = fmt.Errorf("refused with code %d", code)
		}
		pause, _ := next()
		if time.Since(t.start)+pause > most {
			return nil, fmt.Errorf("not in after %v: %w", most, err)
		}
		time.Sleep(pause)
	}
}

// retries yields the waits of a device, for ever. They are the same in every round.
func retries(serial int64) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		random := rand.New(rand.NewPCG(0, uint64(serial)))
		for pause := firstRetry; yield(pause - time.Duration(random.Int64N(int64(pause/2)))); {
			pause = min(2*pause, lastRetry)
		}
	}
}

// tally counts what becomes of devices. Many goroutines use it at once.
type tally struct {
	start    time.Time
	mu       sync.Mutex
	arrivals []time.Duration // from start
	refusals []time.Duration // from the client's first byte
	dials    []time.Duration
	cuts     int
}

func (t *tally) connected(after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dials = append(t.dials, after)
}

func (t *tally) letIn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrivals = append(t.arrivals, time.Since(t.start))
}

func (t *tally) refuse(after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusals = append(t.refusals, after)
}

func (t *tally) cutOff() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cuts++
}

// outcome says when all were in (Seconds) and half of them (P50), and how many refusals that
// took.
func (t *tally) outcome() outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.arrivals)
	slices.Sort(t.refusals)
	slices.Sort(t.dials)
	return outcome{
		Done: len(t.arrivals), Answered: len(t.refusals), CutOff: t.cuts,
		Seconds: percentile(t.arrivals, 100).Seconds(), P50: percentile(t.arrivals, 50),
		RefusedP99: percentile(t.refusals, 99), DialP99: percentile(t.dials, 99),
	}
}
