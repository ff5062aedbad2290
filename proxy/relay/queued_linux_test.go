package relay_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"mqttward/proxy/proxytest"
)

// waitUntilTaken waits until the peer's kernel has all that was written to c.
func waitUntilTaken(t testing.TB, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "the peer's kernel took all bytes", func() bool {
		left := -1
		err := raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		return err == nil && left == 0
	})
}
