package proxytest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreeAddress returns a loopback address that nobody listens at, and that stays free: its port is none
// of those that systems give to sockets that have no wish, so no other test comes upon it by chance.
func FreeAddress(t testing.TB) string {
	t.Helper()
	const first, last = 10_000, 32_000 // Linux begins to give at 32,768, others above that
	for range 100 {
		port := first + rand.N(last-first)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue // taken
		}
		l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}
