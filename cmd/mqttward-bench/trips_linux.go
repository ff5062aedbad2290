package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// trip is where a client is.
type trip struct {
	sent time.Time
	got  int // bytes of the answer
}

// roundTrip has every connection that hold made raw send a message and wait for it, again and
// again, all in one thread.
func (c *clients) roundTrip(o order) (result outcome, err error) {
	p, err := newPoller()
	if err != nil {
		return outcome{}, err
	}
	defer p.close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t := &trips{fds: c.raw, all: make([]trip, len(c.raw)), packet: publish(o.Size), delays: make([]time.Duration, 0, 1<<20)}
	for i, fd := range t.fds {
		if err := p.add(fd, int32(i)); err != nil {
			return outcome{}, err
		}
	}
	t.buf = make([]byte, len(t.packet))
	start := time.Now()
	t.end = start.Add(o.Duration)
	for i := range t.fds {
		if err := t.begin(i, time.Now()); err != nil {
			return outcome{}, err
		}
	}
	for t.open > 0 {
		ready, err := p.wait(int(stepTimeout / time.Millisecond))
		switch {
		case err != nil:
			return outcome{}, err
		case time.Since(t.end) > stepTimeout:
			return outcome{}, fmt.Errorf("%d messages have not come back in %v", t.open, stepTimeout)
		}
		for _, event := range ready {
			if err := t.receive(int(event.Fd)); err != nil {
				return outcome{}, fmt.Errorf("client %d of %d: %w", event.Fd+1, len(t.fds), err)
			}
		}
	}
	result = outcome{Done: t.done, Seconds: time.Since(start).Seconds()}
	slices.Sort(t.delays)
	result.P50, result.P99 = percentile(t.delays, 50), percentile(t.delays, 99)
	return result, nil
}

// trips are those of one order.
type trips struct {
	fds         []int
	all         []trip
	packet, buf []byte
	end         time.Time
	open, done  int
	delays      []time.Duration
}

// begin sends client i's message.
func (t *trips) begin(i int, now time.Time) error {
	n, err := send(t.fds[i], t.packet)
	if err == nil && n < len(t.packet) {
		err = errors.New("a small message does not fit the socket's buffer")
	}
	t.all[i] = trip{sent: now}
	t.open++
	return err
}

// receive reads what has come back to client i, and has it begin anew unless time is up.
func (t *trips) receive(i int) error {
	state := &t.all[i]
	n, err := unix.Read(t.fds[i], t.buf[:len(t.packet)-state.got])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return io.ErrUnexpectedEOF
	}
	if state.got += n; state.got < len(t.packet) {
		return nil
	}
	now := time.Now()
	if len(t.delays) < maxDelays {
		t.delays = append(t.delays, now.Sub(state.sent))
	}
	t.done++
	t.open--
	if now.After(t.end) {
		return nil
	}
	return t.begin(i, now)
}
