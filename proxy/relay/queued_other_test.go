//go:build !linux

package relay_test

import (
	"net"
	"testing"
	"time"
)

// waitUntilTaken gives the peer's kernel time to take what was written to c.
func waitUntilTaken(testing.TB, net.Conn) { time.Sleep(200 * time.Millisecond) }
