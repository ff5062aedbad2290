package proxy

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What waits in a step may wait under a deadline of its own, which package context leads back to
// the step by a goroutine. It may run only after the step's end, and panics if the step then
// gives no reason for it.
func TestStepThatHasEndedGivesItsReason(t *testing.T) {
	c := &connection{srv: &Server{draining: t.Context()}}
	for _, d := range []time.Duration{0, time.Hour} {
		p := c.step(d)
		child, cancel := context.WithTimeout(p, time.Hour)
		defer cancel()
		if err := p.Err(); err != nil {
			t.Errorf("step(%v): before its end Err is %v, want nil", d, err)
		}
		p.end()
		<-child.Done()
		for _, ctx := range []context.Context{p, child} {
			if err := ctx.Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("step(%v): after its end Err is %v, want %v", d, err, context.Canceled)
			}
		}
	}
}

func TestStepEndsWithItsTime(t *testing.T) {
	c := &connection{srv: &Server{draining: t.Context()}}
	p := c.step(time.Nanosecond)
	defer p.end()
	<-p.Done()
	if err := p.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Err is %v, want %v", err, context.DeadlineExceeded)
	}
}
