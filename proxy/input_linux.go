package proxy

import (
	"net"

	"mqttward/proxy/socket"
)

// hasInput reports whether a client has sent something that nobody has read, as far as the system
// tells.
func hasInput(conn net.Conn) bool {
	c, ok := conn.(*socket.Conn)
	return ok && c.HasInput()
}
