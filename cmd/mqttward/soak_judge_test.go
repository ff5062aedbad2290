//go:build linux

package main_test

import ()

// judge compares what clients and broker have counted, when all is over.
func (s *soak) judge(c *cast) {
	s.report(c)
	senders := c.workers
	for _, r := range c.residents {
		senders = append(senders, r.sender)
		if r.doubled > r.sender.resent {
			s.t.Errorf("%s: %d messages came twice, of which %d were sent again", r.connect.ClientID, r.doubled, r.sender.resent)
		}
	}
	if s.t.Failed() {
		return
	}
	for _, k := range senders {
		s.await(k.name+"'s messages are counted", func() bool { return s.ledger.last(k.name) >= k.acked.Load() })
		if last := s.ledger.last(k.name); last > k.sent || k.sent == 0 {
			s.t.Errorf("%s: the broker's last message is %d; acknowledged were %d, sent %d", k.name, last, k.acked.Load(), k.sent)
		}
	}
	if doubled := s.ledger.twice(); doubled > s.tally.resent.Load() {
		s.t.Errorf("%d messages have come twice, and %d were sent again", doubled, s.tally.resent.Load())
	}
	if all := s.broker.strangers(); len(all) > 0 {
		s.t.Errorf("%q have reached the broker", all[:min(len(all), 10)])
	}
	if got, most := s.tally.cutSessions.Load(), int64(s.cutByOutages+s.drained); got > most {
		s.t.Errorf("%d sessions were cut, want at most the %d that outages and upgrades explain", got, most)
	}
	if s.form.lasts > 0 && s.log.forced > s.drained/20 { // a machine that is busy may want more time for a few, or than the short form's second
		s.t.Errorf("of %d sessions %d had to be cut at the end of drain_timeout", s.drained, s.log.forced)
	}
	if n := int(s.tally.drainedConnects.Load()); s.form.lasts > 0 && n > s.drained/100 {
		s.t.Errorf("%d connects got no answer of processes that drained", n)
	}
	for _, line := range s.log.bad {
		s.t.Errorf("the log has: %s", line)
	}
	s.happened()
}

// happened sees that all has happened that should.
func (s *soak) happened() {
	n := &s.tally
	all := map[string]int64{
		"verdicts": n.verdicts.Load(), "sessions to their end": n.sessions.Load(), "sessions cut": n.cutSessions.Load(),
		"messages acknowledged": n.acked.Load(), "messages returned": n.returned.Load(), "the flood's connects limited": n.limited.Load(),
		"addresses banned": n.banned.Load(), "TLS sessions resumed": n.tlsResumed.Load(), "full TLS handshakes": n.tlsFull.Load(),
		"upgrades": int64(s.log.count(wordServes)), "upgrades given up": int64(s.log.count(wordNoUpgrade)), "changes of files noticed": int64(s.log.count(wordChanged)),
		"broken files": int64(s.log.count(wordNotReloaded)), "failed fetches": int64(s.log.count(wordFetchFailed)),
		"DISCONNECT 0x8B": n.farewells.Load() + int64(s.log.count(wordCut)), // whoever is cut may not get it
	}
	for i, f := range s.forwarders {
		all["plain connections to address "+string(rune('0'+i))] = f.plain.Load()
		all["TLS connections to address "+string(rune('0'+i))] = f.secure.Load()
	}
	for _, name := range s.engines {
		all["processes with engine "+name] = 0
		if s.log.engines[name] {
			all["processes with engine "+name] = 1
		}
	}
	if s.broker.sessions {
		all["sessions resumed"], all["sessions taken over"] = n.resumed.Load(), n.takenOver.Load()
		all["messages queued for a client that was away"] = n.queued.Load()
	}
	for what, count := range all {
		if count == 0 {
			s.t.Errorf("%s: none, want some", what)
		}
	}
}

func (s *soak) report(c *cast) {
	n, log := &s.tally, s.log
	s.t.Logf("%d workers, %d with a session that outlives connections, %d who are refused; engines %v",
		len(c.workers), len(c.residents), len(c.bad), s.engines)
	s.t.Logf("%d verdicts; %d sessions came to their end, %d were cut (outages cut %d connections, the processes before upgrades had %d sessions; %d got DISCONNECT 0x8B, %d had to be cut at the end of drain_timeout); %d connects met an outage, %d the end of a drain",
		n.verdicts.Load(), n.sessions.Load(), n.cutSessions.Load(), s.cutByOutages, s.drained, n.farewells.Load(), s.log.forced, n.cutConnects.Load(), n.drainedConnects.Load())
	s.t.Logf("%d reloads, %d of faulty files refused; %d changes of files noticed; %d upgrades, %d given up; %d failed fetches of the key set; %d connects of the flood limited; %d addresses banned",
		log.count(wordReloaded), log.count(wordNotReloaded), log.count(wordChanged), log.count(wordServes), log.count(wordNoUpgrade), log.count(wordFetchFailed), n.limited.Load(), n.banned.Load())
	s.t.Logf("TLS: %d handshakes of clients, %d of them resumed; connections to the broker: plain %d and %d, TLS %d and %d",
		n.tlsFull.Load()+n.tlsResumed.Load(), n.tlsResumed.Load(), s.forwarders[0].plain.Load(), s.forwarders[1].plain.Load(), s.forwarders[0].secure.Load(), s.forwarders[1].secure.Load())
	s.t.Logf("%d messages acknowledged, %d came back; %d sent again, of which the broker had %d already",
		n.acked.Load(), n.returned.Load(), n.resent.Load(), s.ledger.twice())
	if s.broker.sessions {
		s.t.Logf("%d sessions resumed, %d taken over; %d messages came to them, of which %d had waited, and %d came again since they had not been acknowledged",
			n.resumed.Load(), n.takenOver.Load(), n.kept.Load(), n.queued.Load(), n.redelivered.Load())
	}
}
