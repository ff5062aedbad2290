package main_test

import (
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// broker is a broker as the tests look at it.
type broker interface {
	addr() string
	// accepted is the number of network connections so far.
	accepted() int
	// ended is how many sessions of a client are over, however they ended.
	ended(clientID string) int
	// pings is how many PINGREQs a client has sent.
	pings(clientID string) int
}

// kinds are the brokers that the tests run before.
var kinds = []struct {
	name  string
	start func(t *testing.T) broker
}{
	{"embedded", func(t *testing.T) broker { return startEmbedded(t) }},
	{"mosquitto", func(t *testing.T) broker { return startMosquitto(t) }},
}

// embedded is a broker in this process, which lets everybody in.
type embedded struct {
	mochi.HookBase
	listener *countingListener

	mu        sync.Mutex
	over      map[string]int
	pinged    map[string]int
	queued    map[string]int
	published int
}

func startEmbedded(t testing.TB) *embedded {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &embedded{listener: &countingListener{Listener: l}, over: map[string]int{}, pinged: map[string]int{}, queued: map[string]int{}}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := server.AddHook(b, nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("tcp", b.listener)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *embedded) addr() string  { return b.listener.Addr().String() }
func (b *embedded) accepted() int { return b.listener.count() }

func (b *embedded) ended(clientID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over[clientID]
}

func (b *embedded) pings(clientID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pinged[clientID]
}

// queues is how many messages of QoS 1 and 2 were queued for a client.
func (b *embedded) queues(clientID string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.queued[clientID]
}

// publishes is how many PUBLISHes clients have sent.
func (b *embedded) publishes() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.published
}

// ID, Provides and the methods after them make it the broker's hook.
func (b *embedded) ID() string { return "e2e" }

func (b *embedded) Provides(hook byte) bool {
	switch hook {
	case mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnDisconnect, mochi.OnPacketRead, mochi.OnQosPublish:
		return true
	}
	return false
}

// OnQosPublish is called when a message of QoS 1 or 2 is put where a session's end does not lose it.
func (b *embedded) OnQosPublish(cl *mochi.Client, _ packets.Packet, _ int64, _ int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queued[cl.ID]++
}

func (b *embedded) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

func (b *embedded) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (b *embedded) OnDisconnect(c *mochi.Client, _ error, _ bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over[c.ID]++
}

func (b *embedded) OnPacketRead(c *mochi.Client, p packets.Packet) (packets.Packet, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch p.FixedHeader.Type {
	case packets.Pingreq:
		b.pinged[c.ID]++
	case packets.Publish:
		b.published++
	}
	return p, nil
}

// countingListener counts what it accepts.
type countingListener struct {
	net.Listener
	mu sync.Mutex
	n  int
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.mu.Lock()
		l.n++
		l.mu.Unlock()
	}
	return c, err
}

func (l *countingListener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}
