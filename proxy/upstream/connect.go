package upstream

import (
	"context"
	"net"
	"net/netip"
)

// await waits for a connection that is under way.
type await func(ctx context.Context) (net.Conn, error)

// dial returns what dials t by package net, with a look-up where its address is a name.
func (p *Pool) dial(t *target) await {
	return func(ctx context.Context) (conn net.Conn, err error) {
		for range t.origins() {
			d := p.dialer
			if from := t.origin(); from.IsValid() {
				d.LocalAddr, d.Control = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), lateBind
			}
			if conn, err = d.DialContext(ctx, t.network, t.address); !noPort(err) {
				break
			}
		}
		return conn, err
	}
}
