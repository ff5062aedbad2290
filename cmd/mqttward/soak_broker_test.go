//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	mochipackets "github.com/mochi-mqtt/server/v2/packets"
)

// countingBroker is an embedded broker that follows the numbers of the messages that it gets.
type countingBroker struct {
	mochi.HookBase
	address string
	fault   func(format string, args ...any)

	mu      sync.Mutex
	last    map[string]uint64        // by the worker's name
	session map[*mochi.Client]uint64 // the last of a session
	doubled int64
}

func startCountingBroker(t *testing.T, fault func(string, ...any)) *countingBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.9.3:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &countingBroker{address: l.Addr().String(), fault: fault, last: map[string]uint64{}, session: map[*mochi.Client]uint64{}}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := server.AddHook(b, nil); err != nil {
		t.Fatal(err)
	}
	if err := server.AddListener(listeners.NewNet("tcp", l)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	return b
}

// ID, Provides and the methods after them make it the broker's hook.
func (b *countingBroker) ID() string { return "soak" }

func (b *countingBroker) Provides(hook byte) bool {
	switch hook {
	case mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish, mochi.OnDisconnect:
		return true
	}
	return false
}

// OnConnectAuthenticate sees whom mqttward has let in.
func (b *countingBroker) OnConnectAuthenticate(c *mochi.Client, _ mochipackets.Packet) bool {
	if !strings.HasPrefix(c.ID, goodID) {
		b.fault("%s has reached the broker", c.ID)
	}
	return true
}

func (b *countingBroker) OnACLCheck(*mochi.Client, string, bool) bool { return true }

// OnPublish sees that no number is left out, and that in one session none comes twice.
func (b *countingBroker) OnPublish(c *mochi.Client, p mochipackets.Packet) (mochipackets.Packet, error) {
	if len(p.Payload) < 8 {
		b.fault("%s: the broker got % x", c.ID, p.Payload)
		return p, nil
	}
	number := binary.BigEndian.Uint64(p.Payload)
	name, _, _ := strings.Cut(c.ID, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	if before := b.session[c]; before != 0 && number != before+1 {
		b.fault("%s: the broker got message %d after %d in one session", c.ID, number, before)
	}
	if number > b.last[name]+1 {
		b.fault("%s: the broker got message %d, and before it only %d", c.ID, number, b.last[name])
	}
	if number <= b.last[name] {
		b.doubled++
	}
	if !bytes.Equal(p.Payload, numbered(number)) {
		b.fault("%s: the broker got another message %d than was sent", c.ID, number)
	}
	b.session[c], b.last[name] = number, max(number, b.last[name])
	return p, nil
}

func (b *countingBroker) OnDisconnect(c *mochi.Client, _ error, _ bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.session, c)
}

// got is the last number of a worker, and how many messages of all workers have come twice.
func (b *countingBroker) got(name string) (last uint64, doubled int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last[name], b.doubled
}
