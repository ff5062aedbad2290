package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Checks say how the addresses are looked after while no client finds out.
type Checks struct {
	// Interval is the time from the end of a check of an address to the beginning of the next.
	// Zero means that there are none. Where it is zero, or more than half a minute, the pool looks by
	// itself whether an address is back, while all of them fail and those that fail do so with clients.
	Interval time.Duration
	// Timeout bounds one check, or one such look, the TLS handshake included. Zero means 2 s.
	Timeout time.Duration
	// Rise is how many checks in a row must succeed until an address that failed gets clients
	// again. Zero means 2.
	Rise int
	// Fall is how many in a row must fail until it gets none. Zero means 3.
	Fall int
	// Check looks at a connection that is there; it is called by a goroutine for each address, and
	// must end with its context. The connection is closed afterwards. Nil means that to have one is
	// enough.
	Check func(ctx context.Context, conn net.Conn) error
}

func (c Checks) withDefaults() Checks {
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Rise == 0 {
		c.Rise = 2
	}
	if c.Fall == 0 {
		c.Fall = 3
	}
	return c
}

// Run looks after the addresses until ctx ends: by checks, where there are any, and by itself while
// every address fails (see [Checks]). That checks fail holds for this pool only.
func (p *Pool) Run(ctx context.Context) {
	var all sync.WaitGroup
	if p.ownLooks() {
		all.Go(func() { p.awaitOutages(ctx) })
	}
	if p.checks.Interval > 0 {
		for i := range p.targets {
			all.Go(func() { p.lookAfter(ctx, &p.targets[i]) })
		}
	}
	all.Wait()
}

// lookAfter checks one address. The first check comes at a random time: several processes, and
// several addresses, are not to fall into step.
func (p *Pool) lookAfter(ctx context.Context, t *target) {
	streak := streak{}
	next := time.NewTimer(rand.N(p.checks.Interval))
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		err := p.check(ctx, t)
		if ctx.Err() != nil {
			return
		}
		if !ours(err) {
			p.checked(t, &streak, err)
		}
		next.Reset(p.checks.Interval)
	}
}

// streak is how often in a row checks ended alike.
type streak struct {
	ok    bool
	n     int
	since time.Time
}

// add counts a check.
func (s *streak) add(ok bool, now time.Time) {
	if ok != s.ok || s.n == 0 {
		*s = streak{ok: ok, since: now}
	}
	s.n++
}

// checked notes how a check ended. A client that failed since the streak began breaks it.
func (p *Pool) checked(t *target, s *streak, err error) {
	now := time.Now()
	s.add(err == nil, now)
	if err == nil && t.health.failedAt().After(s.since) {
		*s = streak{ok: true, n: 1, since: now}
	}
	switch {
	case err == nil && s.n >= p.checks.Rise:
		if t.health.rise(now) {
			p.log.Info("the upstream address answers again", "upstream", t.Name)
		}
	case err != nil && s.n >= p.checks.Fall:
		if t.health.fall(p, now) {
			p.log.Warn("the upstream address fails", "upstream", t.Name, "error", err)
		}
	}
}

// check checks one address once.
func (p *Pool) check(ctx context.Context, t *target) error {
	ctx, cancel := context.WithTimeout(ctx, p.checks.Timeout)
	defer cancel()
	header, err := p.proxy.header(&Client{}) // our own connection
	if err != nil {
		return err
	}
	conn, err := p.dialOne(ctx, t, p.checks.Timeout, header)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer conn.Close()
	if p.checks.Check == nil {
		return nil
	}
	if t.tls == nil && len(header) > 0 {
		if err := sendHeader(ctx, conn, header); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	}
	if err := p.checks.Check(ctx, conn); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}
