//go:build !linux

package upstream

import "net"

// connect connects to t, or begins to: later waits for it, and is nil where it is there.
func (p *Pool) connect(t *target) (conn net.Conn, later await, err error) {
	return nil, p.dial(t), nil
}
