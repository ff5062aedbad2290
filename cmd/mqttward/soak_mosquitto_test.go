//go:build linux

package main_test

import (
	"fmt"
	"net"
	"regexp"
	"testing"

	"mqttward/packets"
)

// observerID is the client by which the ledger hears of mosquitto's messages.
const observerID = "observer"

// startSoakMosquitto starts a mosquitto, and a client of it that gets all messages.
func startSoakMosquitto(t *testing.T, s *soak) {
	t.Helper()
	cert, key := s.settings.ca.IssueFiles("localhost")
	secure := freePort(t, soakAddress(3))
	host, port, _ := net.SplitHostPort(secure)
	m := startQuietMosquitto(t, "allow_anonymous true",
		fmt.Sprintf("listener %s %s", port, host), "allow_anonymous true", "require_certificate true",
		"cafile "+s.settings.ca.File(), "certfile "+cert, "keyfile "+key)
	s.broker = &soakBroker{plain: m.address, secure: secure, queue: newQueue(), sessions: true, clients: func() []string { return m.connected() }}
	observe(t, s)
}

// freePort returns an address whose port is free now.
func freePort(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// connected are the ids of all clients that have come in so far.
func (m *mosquitto) connected() (ids []string) {
	m.t.Helper()
	for _, line := range mosquittoConnect.FindAllStringSubmatch(m.log(), -1) {
		ids = append(ids, line[1])
	}
	return ids
}

var mosquittoConnect = regexp.MustCompile(`New client connected from \S+ as (\S+) \(`)

// observe has a client of the broker's own report every message to the ledger.
func observe(t *testing.T, s *soak) {
	t.Helper()
	conn, err := net.Dial("tcp", s.broker.plain)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(conn, packets.V311)
	c := packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte(observerID)}
	if _, err := w.Write(packets.AppendConnect(nil, &c)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.expect(kindConnack); err != nil {
		t.Fatal(err)
	}
	if err := w.subscribe("#"); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-over
	})
	go func() {
		defer close(over)
		for {
			kind, body, err := w.next()
			if err != nil || kind != kindPublish {
				return // what is missing then will be missed
			}
			m, err := w.published(body)
			if err != nil {
				s.fault("the observer: %v", err)
				return
			}
			s.ledger.got(m.topic, m.payload)
			if _, err := w.Write(appendPacket(nil, 0x40, m.id)); err != nil {
				return
			}
		}
	}()
}
