package proxy

import (
	"errors"
	"time"

	"mqttward/auth"
	"mqttward/proxy/upstream"
)

// dial reaches the broker for a client that was let in, when its turn comes.
func (c *connection) dial() (upstream.Connection, *refusal) {
	g, ctx := c.srv.governor, c.step(0)
	defer ctx.end()
	if err := g.admit(ctx, c.hs.address); err != nil {
		if ctx.Err() != nil {
			return upstream.Connection{}, &refusal{reason: auth.ShuttingDown}
		}
		r := &refusal{reason: auth.UpstreamRate, err: err, detail: overRate("upstream.connect_rate", float64(c.policy.UpstreamRate.Connects))}
		if g.slow() {
			r.detail = "the upstream was down: connects to it begin slowly"
		}
		return upstream.Connection{}, r
	}
	began := time.Now()
	reached, err := c.policy.Upstream.Dial(ctx, upstream.Client{
		ID: c.connect.ClientID, Conn: c.conn, Peer: c.peer, Local: c.local, Identity: c.verdict.Identity.Name,
	})
	if errors.Is(err, upstream.ErrIdentity) {
		return upstream.Connection{}, &refusal{reason: auth.ClaimMalformed, detail: "upstream.proxy_protocol_identity: " + err.Error()}
	}
	if err != nil && ctx.Err() != nil {
		return upstream.Connection{}, &refusal{reason: auth.ShuttingDown}
	}
	g.dialled(began, err)
	if err != nil {
		return upstream.Connection{}, &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	return reached, nil
}
