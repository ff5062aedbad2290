//go:build linux

package main_test

import (
	"crypto/tls"
	"fmt"
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

// soakBroker is a broker of the soak. It wants no password, but by TLS a certificate of the soak's
// authority.
type soakBroker struct {
	plain, secure string // its addresses
	queue         queue
	clients       func() []string
	// sessions says that it keeps sessions that outlive their connections, and that messages for them
	// stay in their order: the embedded broker forgets both where a client comes back while messages
	// come for it.
	sessions bool
}

// goodID begins the client ids of those who may come in.
const goodID = "good-"

// strangers are those who have come in and should not.
func (b *soakBroker) strangers() []string {
	var all []string
	for _, id := range b.clients() {
		if !strings.HasPrefix(id, goodID) && id != observerID {
			all = append(all, id)
		}
	}
	return all
}

// soakAddress is an address of the broker's kind, of the n-th part of the soak, with a free port.
func soakAddress(n int) string { return fmt.Sprintf("127.0.9.%d:0", 1+n) }

// brokerHook follows an embedded broker.
type brokerHook struct {
	mochi.HookBase
	ledger *ledger

	mu  sync.Mutex
	ids []string // of strangers
}

// startCountingBroker starts an embedded broker, whose messages the ledger hears of as they come in.
func startCountingBroker(t *testing.T, s *soak) {
	t.Helper()
	plain, err := net.Listen("tcp", soakAddress(2))
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Listen("tcp", soakAddress(3), &tls.Config{
		Certificates: []tls.Certificate{s.settings.ca.Issue("localhost")},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: s.settings.ca.Pool(),
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &brokerHook{ledger: s.ledger}
	server := mochi.New(&mochi.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := server.AddHook(h, nil); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]net.Listener{"plain": plain, "secure": secure} {
		if err := server.AddListener(listeners.NewNet(name, l)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = server.Close() })
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	s.broker = &soakBroker{plain: plain.Addr().String(), secure: secure.Addr().String(), queue: newQueue(), clients: h.strangers}
}

// ID, Provides and the methods after them make it the broker's hook.
func (h *brokerHook) ID() string { return "soak" }

func (h *brokerHook) Provides(hook byte) bool {
	switch hook {
	case mochi.OnConnectAuthenticate, mochi.OnACLCheck, mochi.OnPublish:
		return true
	}
	return false
}

func (h *brokerHook) OnConnectAuthenticate(c *mochi.Client, _ mochipackets.Packet) bool {
	if !strings.HasPrefix(c.ID, goodID) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ids = append(h.ids, c.ID)
	}
	return true
}

func (h *brokerHook) OnACLCheck(*mochi.Client, string, bool) bool { return true }

func (h *brokerHook) OnPublish(_ *mochi.Client, p mochipackets.Packet) (mochipackets.Packet, error) {
	h.ledger.got(p.TopicName, p.Payload)
	return p, nil
}

func (h *brokerHook) strangers() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ids
}
