package proxy

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/socket"
	"mqttward/proxy/upstream"
)

// nobodyPasses is a stage that is never asked.
type nobodyPasses struct{}

func (nobodyPasses) Name() string { return "test" }
func (nobodyPasses) Authenticate(context.Context, *auth.Credentials) auth.Verdict {
	return auth.Verdict{}
}

// The leader has seen that a young connection has something to read when somebody else gives it
// a goroutine: the bytes are that goroutine's.
func TestBytesOfADisturbedConnectionAreLeftToItsGoroutine(t *testing.T) {
	proxytest.CheckLeaks(t)
	lower, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.NewListener(lower.(*net.TCPListener), KeepAlive())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.AcceptNow()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chain, err := auth.NewChain(auth.Options{Stages: []auth.Authenticator{nobodyPasses{}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := upstream.New(upstream.Options{Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(Options{Log: slog.New(slog.DiscardHandler), Policy: Policy{Chain: chain, Upstream: pool}})
	defer s.Close()
	n := &nursery{srv: s}
	if n.poller, err = socket.NewPoller(); err != nil {
		t.Fatal(err)
	}
	defer n.poller.Close()
	c := &connection{srv: s, policy: s.policy.Load(), socket: conn, conn: conn, accepted: time.Now()}
	n.raise(c, conn)
	if _, err := client.Write([]byte("connect")); err != nil {
		t.Fatal(err)
	}
	if !n.claim(c) {
		t.Fatal("the connection is not young")
	}
	if !n.grown(c) {
		t.Error("the leader does not lead any more")
	}
	got := make([]byte, 7)
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if m, err := io.ReadFull(conn, got); err != nil {
		t.Errorf("read: got %q, %v, want all that was sent", got[:m], err)
	}
}
