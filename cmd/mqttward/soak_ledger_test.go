//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
)

// ledger follows the numbers of the messages that the broker gets. They come on topics that tell who
// sends them in which of its sessions, "soak/NAME/3".
type ledger struct {
	fault func(format string, args ...any)

	mu      sync.Mutex
	senders map[string]*sent
	doubled int64
}

// sent is what the broker has of a sender.
type sent struct {
	last     uint64
	sessions map[int]uint64 // the last of each of the last few
}

// fewSessions is more than the sessions of one sender whose messages can be on the way at once.
const fewSessions = 16

func newLedger(fault func(string, ...any)) *ledger {
	return &ledger{fault: fault, senders: map[string]*sent{}}
}

// got sees that no number is left out, and that in one session none comes twice.
func (l *ledger) got(topic string, payload []byte) {
	name, session, ok := cutTopic(topic)
	if !ok || len(payload) < 8 {
		l.fault("the broker got % x on %q", payload[:min(len(payload), 16)], topic)
		return
	}
	number := binary.BigEndian.Uint64(payload)
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.senders[name]
	if s == nil {
		s = &sent{sessions: map[int]uint64{}}
		l.senders[name] = s
	}
	if before := s.sessions[session]; before != 0 && number != before+1 {
		l.fault("%s: the broker got message %d after %d in session %d", name, number, before, session)
	}
	if number > s.last+1 {
		l.fault("%s: the broker got message %d, and before it only %d", name, number, s.last)
	}
	if number <= s.last {
		l.doubled++
	}
	if !bytes.Equal(payload, numbered(number)) {
		l.fault("%s: the broker got another message %d than was sent", name, number)
	}
	s.sessions[session], s.last = number, max(number, s.last)
	delete(s.sessions, session-fewSessions)
}

// last is the last number of a sender.
func (l *ledger) last(name string) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.senders[name]; s != nil {
		return s.last
	}
	return 0
}

// twice is how many messages have come twice.
func (l *ledger) twice() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doubled
}

// cutTopic takes a topic apart.
func cutTopic(topic string) (name string, session int, ok bool) {
	parts := strings.Split(topic, "/")
	if len(parts) != 3 {
		return "", 0, false
	}
	session, err := strconv.Atoi(parts[2])
	return parts[1], session, err == nil
}
