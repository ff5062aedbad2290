package relay

import (
	"net"
	"syscall"

	"mqttward/proxy/socket"
)

// queuedBytes asks the kernel how many bytes of c's send queue are not acknowledged.
func queuedBytes(c net.Conn) int {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	queued := -1
	err = raw.Control(func(fd uintptr) {
		queued = socket.Unacknowledged(int(fd))
	})
	if err != nil {
		return -1
	}
	return queued
}
