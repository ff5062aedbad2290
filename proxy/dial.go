package proxy

import (
	"net"
	"time"

	"mqttward/auth"
)

// dial reaches the broker for a client that was let in, when its turn comes, and returns the
// name of the address that answered.
func (c *connection) dial() (net.Conn, string, *refusal) {
	g, ctx := c.srv.governor, c.step(0)
	defer ctx.end()
	if err := g.admit(ctx, c.hs.address); err != nil {
		if ctx.Err() != nil {
			return nil, "", &refusal{reason: auth.ShuttingDown}
		}
		r := &refusal{reason: auth.UpstreamRate, err: err}
		if g.slow() {
			r.detail = "the upstream was down: connects to it begin slowly"
		}
		return nil, "", r
	}
	began := time.Now()
	upstream, address, err := c.policy.Upstream.Dial(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, "", &refusal{reason: auth.ShuttingDown}
	}
	g.dialled(began, err)
	if err != nil {
		return nil, "", &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	return upstream, address, nil
}
