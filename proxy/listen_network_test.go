package proxy_test

import (
	"net"
	"testing"

	"mqttward/proxy"
)

// "0.0.0.0" is every IPv4 address, and no other; "[::]" and no host are every address.
func TestListenAtWhatBindSays(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	probe.Close()
	for bind, six := range map[string]bool{"0.0.0.0:0": false, "[::]:0": true, ":0": true} {
		l, err := proxy.Listen(t.Context(), bind)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		for host, want := range map[string]bool{"127.0.0.1": true, "::1": six} {
			conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
			if err == nil {
				conn.Close()
			}
			if (err == nil) != want {
				t.Errorf("bind %q, client of %s: %v, want it heard: %v", bind, host, err, want)
			}
		}
	}
}
