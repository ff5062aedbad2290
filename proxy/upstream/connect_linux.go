package upstream

import (
	"context"
	"net"

	"mqttward/proxy/socket"
)

// lateBind has package net choose a port as late as we do.
var lateBind = socket.BindWithoutPort

// connect connects to t, or begins to: later waits for it, and is nil where it is there.
func (p *Pool) connect(t *target) (conn net.Conn, later await, err error) {
	if !t.numeric.IsValid() || t.numeric.Addr().Zone() != "" {
		return nil, p.dial(t), nil
	}
	var c *socket.Conn
	var under bool
	for range t.origins() {
		if c, under, err = socket.Connect(t.numeric, t.origin(), p.dialer.KeepAliveConfig); !noPort(err) {
			break
		}
	}
	switch {
	case err != nil:
		return nil, nil, err
	case !under:
		return c, nil, nil
	}
	return nil, func(ctx context.Context) (net.Conn, error) {
		if err := c.Await(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	}, nil
}
