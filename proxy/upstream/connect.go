package upstream

import (
	"context"
	"net"
)

// await waits for a connection that is under way.
type await func(ctx context.Context) (net.Conn, error)

// dial returns what dials t by package net, with a look-up where its address is a name.
func (p *Pool) dial(t *target) await {
	return func(ctx context.Context) (net.Conn, error) {
		return p.dialer.DialContext(ctx, t.network, t.address)
	}
}
