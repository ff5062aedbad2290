//go:build !linux

package upstream

import (
	"net"
	"syscall"
)

// lateBind is for Linux.
var lateBind func(network, address string, c syscall.RawConn) error

// connect connects to t, or begins to: later waits for it, and is nil where it is there.
func (p *Pool) connect(t *target) (conn net.Conn, later await, err error) {
	return nil, p.dial(t), nil
}
