//go:build !unix

package relay

import "net"

// newEndpoint returns an endpoint for c, which waits by reading one byte.
func newEndpoint(c net.Conn) endpoint {
	return &stream{conn: conn{Conn: c, socket: Socket(c)}}
}
