package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// live has sessions send a small message now and then, while other things happen. It must be
// ended.
type live struct {
	stop chan struct{}
	wait sync.WaitGroup

	mu     sync.Mutex
	delays []time.Duration
	err    error
}

// startLive has each connection send a message of the order's Size, Every so often and not all
// at the same moment, and wait until it is back.
func startLive(held []net.Conn, o order) *live {
	l := &live{stop: make(chan struct{})}
	packet := publish(o.Size)
	for i, conn := range held {
		l.wait.Go(func() {
			first := o.Every * time.Duration(i+1) / time.Duration(len(held))
			if err := l.goOn(conn, packet, first, o.Every); err != nil {
				l.mu.Lock()
				l.err = fmt.Errorf("live session %d of %d: %w", i+1, len(held), err)
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *live) goOn(conn net.Conn, packet []byte, first, every time.Duration) error {
	buf := make([]byte, len(packet))
	next := time.NewTimer(first)
	defer next.Stop()
	for {
		select {
		case <-l.stop:
			return nil
		case <-next.C:
		}
		sent := time.Now()
		if err := conn.SetDeadline(sent.Add(stepTimeout)); err != nil {
			return err
		}
		if err := thereAndBack(conn, packet, buf); err != nil {
			return err
		}
		took := time.Since(sent)
		l.mu.Lock()
		if len(l.delays) < maxDelays {
			l.delays = append(l.delays, took)
		}
		l.mu.Unlock()
		next.Reset(max(0, every-took))
	}
}

// lap tells the delays since the last lap. A session that was lost is an error.
func (c *clients) lap() (outcome, error) {
	if c.live == nil {
		return outcome{}, errors.New("there are no live sessions")
	}
	l := c.live
	l.mu.Lock()
	defer l.mu.Unlock()
	delays := l.delays
	l.delays = nil
	slices.Sort(delays)
	return outcome{Done: len(delays), P50: percentile(delays, 50), P99: percentile(delays, 99)}, l.err
}

// end lets every session finish its message.
func (l *live) end() {
	close(l.stop)
	l.wait.Wait()
}
