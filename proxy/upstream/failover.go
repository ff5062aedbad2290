package upstream

import (
	"context"
	"fmt"
	"time"
)

// silence is an address that took a connection and ended it before it answered the CONNECT.
type silence struct {
	address *Address
	err     error
}

// answerShare is the part of what is left of dial_timeout that an address has to answer while others
// could be tried; the rest is theirs.
const answerShare = 0.75

// Spare reports whether the CONNECT could be sent to another address, or has been, and until when
// that makes it worth while to wait for this one's answer: whoever does not answer until then keeps
// the client all the same, since it may be slow.
func (c *Connection) Spare() (until time.Time, ok bool) {
	d := c.dialling
	if d == nil || d.left == 0 && len(d.silent) == 0 {
		return time.Time{}, false
	}
	if d.left == 0 {
		return d.deadline, true
	}
	now := time.Now()
	return now.Add(time.Duration(answerShare * float64(d.deadline.Sub(now)))), true
}

// Settle says that the address keeps the client, and whether it has answered: with any byte, not with
// success. Only where it has are those held to have failed that were sent the same CONNECT before.
func (c *Connection) Settle(answered bool) {
	d := c.dialling
	if d == nil {
		return
	}
	d.pool.reached(c.Address)
	if !answered {
		return
	}
	for _, s := range d.silent {
		if !ours(s.err) {
			d.pool.failed(s.address, s.err)
		}
	}
}

// Next says that the connection ended before the broker's first byte, and why, and connects to the
// next address. sent says whether any of the CONNECT was sent. The connection is closed, and its
// address told.
//
// Nobody is taken for a failure by what one client sends: a broker may close at a CONNECT that it
// does not like, and a client that sends such ones must not be able to have all addresses rest. So an
// address has failed where nothing could be sent to it, or where another one answers the same
// CONNECT (see Settle).
func (c *Connection) Next(ctx context.Context, why error, sent bool) (Connection, error) {
	c.Conn.Close()
	c.Address.Release()
	d := c.dialling
	if d == nil {
		return Connection{}, fmt.Errorf("%w: upstream %s: %w", ErrUnavailable, c.Address.Name, why)
	}
	if err := ctx.Err(); err != nil { // it may be ours, for that
		return Connection{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if d.pool.observer != nil {
		d.pool.observer.Dialled(time.Since(c.began), Unanswered)
	}
	switch {
	case sent:
		d.silent = append(d.silent, silence{c.Address, why})
	case !ours(why):
		d.pool.failed(c.Address, why)
	}
	d.tries = append(d.tries, fmt.Errorf("upstream %s: %w", c.Address.Name, why))
	if d.over(ctx) {
		return Connection{}, fmt.Errorf("%w: %w", ErrUnavailable, d.tries)
	}
	return d.next(ctx, time.Now())
}
