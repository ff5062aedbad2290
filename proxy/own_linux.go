package proxy

import (
	"net"

	"mqttward/proxy/socket"
)

// own takes l from the runtime's poller.
func own(l *net.TCPListener) (net.Listener, error) { return socket.NewListener(l, KeepAlive()) }
