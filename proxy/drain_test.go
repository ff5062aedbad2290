package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// shutdown begins a shutdown, and returns what will have its result.
func (r *rig) shutdown(timeout time.Duration) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		done <- r.server.Shutdown(ctx, proxy.Drain{})
	}()
	return done
}

func TestShutdownEndsSessions(t *testing.T) {
	r := newRig(t, nil)
	conns := map[packets.Version]net.Conn{}
	for _, v := range versions {
		conns[v] = r.connected(client(v, "u", "p"))
	}
	done := r.shutdown(10 * time.Second)
	for v, c := range conns {
		want := ""
		if v == packets.V5 {
			want = "\xe0\x02\x8b\x00" // DISCONNECT, Server shutting down
		}
		if got := readAll(t, c); string(got) != want {
			t.Errorf("%v got % x, want % x", v, got, want)
		}
		c.Close()
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: got %v, want nil", err)
	}
	r.expectLog("session ended", "close_reason=drained")
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the listener is still open")
	}
}

func TestShutdownWhoseTimeHasPassed(t *testing.T) {
	r := newRig(t, func(o *options) { o.Limits.HalfCloseTimeout = time.Minute })
	c := r.connected(client(packets.V311, "u", "p"))
	if err := <-r.shutdown(time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: got %v, want context.DeadlineExceeded", err)
	}
	begun := time.Now()
	r.server.Close()
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("Close took %v", took)
	}
	readAll(t, c)
	r.expectLog("session ended", "close_reason=forced")
}

func TestClientThatIsBeingJudgedIsToldOfTheShutdown(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			judging := make(chan struct{})
			r := newRig(t, func(o *options) {
				o.Chain = chainOf(t, stageFunc(func(ctx context.Context, _ *auth.Credentials) auth.Verdict {
					close(judging)
					<-ctx.Done()
					return auth.Denied(auth.Busy, "")
				}))
			})
			c := r.send(frame(client(v, "u", "p")))
			<-judging
			done := r.shutdown(10 * time.Second)
			if got := readAll(t, c); !bytes.Equal(got, wanted(auth.ShuttingDown, v)) {
				t.Errorf("got % x, want % x", got, wanted(auth.ShuttingDown, v))
			}
			if err := <-done; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			r.expectLog("msg=refused", "reason=shutting_down")
			r.expectUpstream(0)
		})
	}
}

// A CONNECT that is on its way when the shutdown begins is answered.
func TestClientWhoseConnectIsOnItsWayIsToldOfTheShutdown(t *testing.T) {
	r := newRig(t, nil)
	packet := frame(client(packets.V5, "u", "p"))
	c := r.send(packet[:5])
	proxytest.Eventually(t, "the first bytes were read", func() bool { return r.server.Handshakes() == 1 })
	done := r.shutdown(10 * time.Second)
	r.expectNoDial()
	if _, err := c.Write(packet[5:]); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, c); !bytes.Equal(got, wanted(auth.ShuttingDown, packets.V5)) {
		t.Errorf("got % x, want % x", got, wanted(auth.ShuttingDown, packets.V5))
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	r.expectUpstream(0)
}

func TestShutdownWithSilentConnections(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		r.dial()
	}
	begun := time.Now()
	if err := <-r.shutdown(time.Minute); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(begun); took > 10*time.Second { // connect_timeout is 15 s
		t.Errorf("Shutdown took %v: silent connections must not hold it up", took)
	}
}

func TestCloseWithSessionsAndHandshakes(t *testing.T) {
	r := newRig(t, func(o *options) { o.Limits.HalfCloseTimeout = time.Minute })
	for _, v := range versions {
		r.connected(client(v, "u", "p"))
		r.dial()
	}
	begun := time.Now()
	r.server.Close()
	if took := time.Since(begun); took > 10*time.Second { // connect_timeout is 15 s
		t.Errorf("Close took %v", took)
	}
	r.expectLog("session ended", "close_reason=forced")
}
