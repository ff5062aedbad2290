package relay_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/socket"
)

// ownPair is a connection whose near end is one of package socket's.
func ownPair(t testing.TB) (ours *socket.Conn, theirs net.Conn) {
	t.Helper()
	lower, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.NewListener(lower.(*net.TCPListener), net.KeepAliveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.AcceptNow(); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// withoutDescriptors calls f while no descriptor is to be had.
func withoutDescriptors(t testing.TB, f func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	none := syscall.Rlimit{Cur: 0, Max: before.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
	f()
}

// A connection that has waited belongs to the runtime's poller: its socket is taken by way of
// another descriptor. Where there is none, the other side must not be lost.
func TestSessionStartsWhereNoDescriptorIsLeft(t *testing.T) {
	for _, test := range []struct {
		name   string
		waited [2]bool // the client, the broker
	}{
		{"the broker was waited for", [2]bool{false, true}},
		{"the client was waited for", [2]bool{true, false}},
		{"both were", [2]bool{true, true}},
	} {
		for _, name := range loopEngines {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				proxytest.CheckLeaks(t)
				r := newRig(t, newEngine(t, name), time.Second, tcpPair)
				r.pair.Client.Close()
				r.pair.Upstream.Close()
				r.client.Close()
				r.broker.Close()
				var ours [2]*socket.Conn
				ours[0], r.client = ownPair(t)
				ours[1], r.broker = ownPair(t)
				r.pair.Client, r.pair.Upstream = ours[0], ours[1]
				for k, waited := range test.waited {
					if !waited {
						continue
					}
					if _, err := ours[k].SyscallConn(); err != nil {
						t.Fatal(err)
					}
				}
				withoutDescriptors(t, func() { r.start(0) })
				send(t, r.client, []byte("up"))
				expect(t, r.broker, []byte("up"))
				send(t, r.broker, []byte("down"))
				expect(t, r.client, []byte("down"))
				r.client.Close()
				r.broker.Close()
				r.end()
			})
		}
	}
}
