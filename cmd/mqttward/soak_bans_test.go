//go:build linux

package main_test

import (
	"time"

	"mqttward/packets"
)

// For what the soak's addresses are banned.
const (
	banFailures = 10
	banTime     = time.Minute
)

// banned is an address that was banned.
type banned struct {
	from string
	at   time.Time
}

// ban has an address fail until it is banned: from then on not even the right password lets it in,
// nor does it get a TLS handshake, while others do. When its time is over it gets in.
func (s *soak) ban() {
	as := func(from, password string, want byte) *caller {
		return &caller{s: s, from: from, address: s.l.address, want: want, connect: connectAs(packets.V5, goodID+"guess", "user-0", password)}
	}
	for len(s.bans) > 0 && time.Since(s.bans[0].at) > banTime+time.Second {
		as(s.bans[0].from, "user-0's", 0).looksIn()
		s.bans = s.bans[1:]
	}
	from := s.strangers.next()
	guess := as(from, "wrong", codeFor(packets.V5, true))
	s.expect(wordBanned, func() {
		for range banFailures {
			guess.looksIn()
		}
	})
	s.bans = append(s.bans, banned{from, time.Now()})
	right := as(from, "user-0's", 0x8A)
	right.looksIn()
	right.address, right.tls = s.tlsAt, s.trusting()
	if w, code, err := right.dial(); err == nil {
		s.fault("a banned address got a TLS handshake, and code %#x", code)
		w.Close()
	}
	as(s.strangers.next(), "user-0's", 0).looksIn()
	if got := s.metric("mqttward_bans_active"); got < 1 {
		s.fault("mqttward_bans_active is %v, and an address is banned", got)
	}
	s.tally.banned.Add(1)
}
