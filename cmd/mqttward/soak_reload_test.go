//go:build linux

package main_test

import (
	"os"
	"strings"
	"syscall"

	"mqttward/packets"
)

// reload sends SIGHUP, with a good configuration and broken ones by turns, and sees that a user who
// comes and goes with the good ones is judged by the last good one.
func (s *soak) reload() {
	turn := s.settings.turn
	s.settings.turn++
	if turn%2 == 0 {
		s.settings.late = !s.settings.late
		s.settings.upstreamTLS = turn%4 == 0
		s.settings.restore()
		s.hangUp(wordReloaded)
		s.reloaded(true)
	} else {
		all := s.breaks()
		s.breakOne(all[turn/2%len(all)], func() { s.hangUp(wordNotReloaded) })
		s.settings.restore() // to be read next time
	}
	s.judgesLate()
}

// breakage is a way in which what is read is faulty.
type breakage struct {
	file string // which the log names
	make func()
}

func (s *soak) breaks() []breakage {
	c, text := s.settings, s.settings.text()
	broken := func(name, text string) breakage {
		return breakage{name, func() { c.write(name, text) }}
	}
	missing := func(name string) breakage {
		return breakage{name, func() { _ = os.Remove(c.path(name)) }}
	}
	// The files for TLS to the broker are read where it is on.
	withTLS := func(b breakage) breakage {
		return breakage{b.file, func() {
			c.upstreamTLS = true
			c.configure(c.text())
			b.make()
		}}
	}
	const junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	return []breakage{
		{"mqttward.toml", func() { c.configure("nonsense") }},
		broken(fileUsers, "late:not a hash\n"),
		broken(fileCert, junk),
		{"mqttward.toml", func() { c.configure(text + "\n[limits]\nconnect_timeout = \"1s\"\n") }}, // twice
		missing(fileKey),
		missing(fileUsers),
		withTLS(broken(fileBrokerCA, junk)),
		broken(fileTickets, "not a key\n"),
		withTLS(missing(fileOwnKey)),
		withTLS(broken(fileOwnCert, junk)),
	}
}

// breakOne breaks something, has it read, and sees that a line of the log and a metric are all that
// changes.
func (s *soak) breakOne(b breakage, read func()) {
	s.log.forget()
	b.make()
	read()
	s.reloaded(false)
	named := false
	for _, line := range s.log.problems {
		named = named || strings.Contains(line, b.file)
	}
	if !named {
		s.fault("%s is broken; the log tells of %q", b.file, s.log.problems)
	}
	s.showsCertificate()
}

// reloaded sees that the metric tells how the last reload went.
func (s *soak) reloaded(well bool) {
	if got := s.metric("mqttward_config_last_reload_successful") == 1; got != well {
		s.fault("mqttward_config_last_reload_successful tells %v, want %v", got, well)
	}
}

// judgesLate sees that the user who comes and goes is judged by the last good configuration.
func (s *soak) judgesLate() {
	c := &caller{s: s, from: s.strangers.next(), address: s.l.address, connect: connectAs(packets.V311, goodID+"late", "late", "late's")}
	if !s.settings.late {
		c.connect.ClientID, c.want = []byte("late"), codeFor(packets.V311, false)
	}
	c.looksIn()
}

// hangUp sends SIGHUP, and waits until the log tells how that went.
func (s *soak) hangUp(word string) {
	s.t.Helper()
	s.expect(word, func() {
		if err := syscall.Kill(s.l.pid, syscall.SIGHUP); err != nil {
			s.fault("SIGHUP: %v", err)
		}
	})
}

// expect does something, and waits until the log tells of it.
func (s *soak) expect(word string, do func()) {
	s.t.Helper()
	before := s.log.count(word)
	do()
	s.await("the log says "+word, func() bool { return s.log.count(word) > before })
}

// changeFiles has changes noticed with no signal: new users and a new certificate, then a file that is
// broken, then a configuration that ends the watch.
func (s *soak) changeFiles() {
	s.settings.watch = true
	s.settings.restore()
	s.hangUp(wordReloaded)
	told := s.log.count(wordChanged)
	s.settings.late = !s.settings.late
	s.settings.certificate = s.settings.ca.Issue("localhost")
	s.expect(wordReloaded, s.settings.restore)
	s.judgesLate()
	s.showsCertificate()
	s.breakOne(s.breaks()[s.settings.turn/2%len(s.breaks())], func() { s.expect(wordNotReloaded, func() {}) })
	s.judgesLate()
	s.settings.watch = false
	s.expect(wordReloaded, s.settings.restore)
	s.reloaded(true)
	if got := s.log.count(wordChanged) - told; got < 3 {
		s.fault("%d changes of files were noticed, want 3", got)
	}
}
