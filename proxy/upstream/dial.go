package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Connection is one to the broker. Settle or Next says, once, what became of the CONNECT.
type Connection struct {
	// Conn is in clear, or TLS. It is the caller's to close.
	Conn net.Conn
	// Address was reached. It must be released when the connection is over; Next does so itself.
	Address *Address
	// Header is what the broker must be sent before all else; nil where there is no PROXY protocol,
	// or where it was sent, below TLS. One write should take it and what follows.
	Header []byte

	dialling *dialling // nil where no pool made it
	began    time.Time // of the try; zero where nobody counts
}

// dialling is what was tried for one client, and what is left.
type dialling struct {
	pool     *Pool
	order    choice
	header   []byte
	deadline time.Time // of all tries
	left     int       // addresses that were not tried
	tries    failures
	silent   []silence
}

// Dial connects to the first address that can be reached, in the order that is the client's. Each
// try may take its share of the time that is left, so that one silent address leaves time for the
// others. The error wraps [ErrUnavailable] and tells what every address said, or [ErrIdentity]:
// then none was tried.
func (p *Pool) Dial(ctx context.Context, c Client) (Connection, error) {
	header, err := p.proxy.header(&c)
	if err != nil {
		return Connection{}, err
	}
	now := time.Now()
	d := &dialling{
		pool: p, order: p.choose(c.ID), header: header,
		deadline: now.Add(p.timeout), left: len(p.targets),
	}
	return d.next(ctx, now)
}

// next goes on with the addresses that are left.
func (d *dialling) next(ctx context.Context, now time.Time) (Connection, error) {
	for ; d.left > 0; now = time.Now() {
		share := d.deadline.Sub(now) / time.Duration(d.left)
		d.left--
		t := d.order.next(share)
		t.active.Add(1)
		c, err := d.pool.try(ctx, t, now, share, d.header)
		if err == nil {
			d.pool.watchRoom(t)
			c.dialling = d
			return c, nil
		}
		t.Release()
		if !errors.Is(err, context.Canceled) && !ours(err) {
			d.pool.failed(t.Address, err)
		}
		d.tries = append(d.tries, fmt.Errorf("dial upstream %s: %w", t.Name, err))
		if d.over(ctx) {
			break
		}
	}
	return Connection{}, fmt.Errorf("%w: %w", ErrUnavailable, d.tries)
}

// over reports whether the time for tries is.
func (d *dialling) over(ctx context.Context) bool {
	return ctx.Err() != nil || !time.Now().Before(d.deadline)
}

// failures are what the addresses said, in one line.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (f failures) Unwrap() []error { return f }
