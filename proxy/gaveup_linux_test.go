package proxy_test

import (
	"context"
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// A client that has gone while it waited in a queue is not handed to the broker, which would end
// the connection by which it has come again. One that has ended its stream and left something to be
// handed on is.
func TestWhoGaveUpInAQueueIsNotHandedOn(t *testing.T) {
	if !slices.Contains(proxy.CloseReasons(), "gave_up") {
		t.Error("gave_up is none of the reasons for which connections close")
	}
	connect := frame(client(packets.V311, "u", "p"))
	rest := []byte{0xC0, 0x00, 0xE0, 0x00} // PINGREQ, DISCONNECT
	for _, tc := range []struct {
		name    string
		sends   []byte
		later   []byte // while it waits
		queued  bool
		leaves  bool
		dialled int
	}{
		{"left", connect, nil, true, true, 0},
		{"sent on at once, and left", append(slices.Clone(connect), rest...), nil, true, true, 1},
		{"sent on later, and left", connect, rest, true, true, 1},
		{"left, and never waited in a queue", connect, nil, false, true, 1},
		{"is there", connect, nil, true, false, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			judging, judged := make(chan struct{}), make(chan struct{})
			r := newRig(t, func(o *options) {
				o.Chain = chainOf(t, stageFunc(func(ctx context.Context, c *auth.Credentials) auth.Verdict {
					if tc.queued {
						auth.Queued(ctx)
					}
					ctx.Done()
					close(judging)
					<-judged
					return auth.Accepted(auth.Identity{})
				}))
			})
			c := r.send(tc.sends).(*net.TCPConn)
			<-judging
			if _, err := c.Write(tc.later); err != nil {
				t.Fatal(err)
			}
			if tc.leaves {
				leave(t, c)
			}
			close(judged)
			if tc.dialled > 0 {
				proxytest.Eventually(t, "the broker is dialled", func() bool { return r.broker.Accepted() == tc.dialled })
				return
			}
			r.expectLog(`detail="closed while it waited"`)
			proxytest.Eventually(t, "nothing is left of it", func() bool { return r.server.Handshakes() == 0 })
			r.expectDialled(0)
		})
	}
}

// leave ends c's stream, and returns when the other side knows.
func leave(t *testing.T, c *net.TCPConn) {
	t.Helper()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "the end of the stream has arrived", func() (arrived bool) {
		_ = raw.Control(func(fd uintptr) {
			info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
			arrived = err == nil && info.State == unix.BPF_TCP_FIN_WAIT2
		})
		return arrived
	})
}
