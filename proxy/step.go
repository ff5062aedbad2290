package proxy

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mqttward/auth"
)

// step is the context of one step in a client's way in. It ends when the server drains, and
// after its time, where it has one. Only whoever asks for its Done is about to wait: only then
// does it cost a timer, and does the goroutine pass on whatever else it leads.
type step struct {
	context.Context           // the server's
	until           time.Time // zero: no end of its own
	client          *connection
	asked           sync.Once
	waits           atomic.Bool // ended and cancel are there
	ended           context.Context
	cancel          context.CancelFunc
}

// step returns a context for d from now; 0 means as long as the server does not drain. end
// must be called.
func (c *connection) step(d time.Duration) *step {
	p := &step{Context: c.srv.draining, client: c}
	if d > 0 {
		p.until = time.Now().Add(d)
	}
	return p
}

// Deadline implements context.Context.
func (p *step) Deadline() (time.Time, bool) { return p.until, !p.until.IsZero() }

// Err implements context.Context. Once Done was asked for, it is never nil when that is closed,
// the step's end included: contexts that derive from this one panic where it is.
func (p *step) Err() error {
	if p.waits.Load() {
		return p.ended.Err()
	}
	if err := p.Context.Err(); err != nil {
		return err
	}
	if !p.until.IsZero() && !time.Now().Before(p.until) {
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context.
func (p *step) Value(key any) any {
	if key == (auth.QueuedKey{}) {
		return p.client.queued
	}
	return p.Context.Value(key)
}

// Done implements context.Context.
func (p *step) Done() <-chan struct{} {
	p.asked.Do(func() {
		p.client.pass()
		if p.until.IsZero() {
			p.ended, p.cancel = context.WithCancel(p.Context)
		} else {
			p.ended, p.cancel = context.WithDeadline(p.Context, p.until)
		}
		p.waits.Store(true)
	})
	return p.ended.Done()
}

// pass passes on whatever this goroutine leads beside c's connection: it is about to wait.
func (c *connection) pass() {
	if n := c.lead; n != nil {
		c.lead = nil
		n.srv.goroutines.Go(n.leads)
	}
}

// queued gives back c's place among those that have yet to be judged: a queue with a bound of its
// own has it now. A CONNECT that did not fit its first buffer keeps the place: these are bounded
// where they are large.
func (c *connection) queued() {
	c.waited = true
	if c.small {
		c.srv.handshakes.end(c.hs)
	}
}

// gaveUp reports whether the client has gone while it waited in a queue: it has ended its stream and
// left nothing to be handed on; more is what came behind its CONNECT. It may be on its way in again
// by another connection, which its broker would end for the sake of this one. Of a client over TLS
// it is not known: what it sent last may not be deciphered yet.
func (c *connection) gaveUp(more []byte) bool {
	s, ok := c.conn.(interface{ Ended() bool })
	return ok && c.waited && len(more) == 0 && s.Ended()
}

// tellWaits has f called before one of conns waits.
func (c *connection) tellWaits(f func(), conns ...net.Conn) {
	for _, conn := range conns {
		if w, ok := conn.(interface{ OnWait(func()) }); ok {
			w.OnWait(f)
		}
	}
}

// end gives back what waiting took.
func (p *step) end() {
	if p.cancel != nil {
		p.cancel()
	}
}
