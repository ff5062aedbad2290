//go:build linux

package main_test

import (
	"crypto/tls"
	"net"

	"mqttward/packets"
)

// showsCertificate sees that the TLS listener shows the certificate of the last good configuration.
func (s *soak) showsCertificate() {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: soakPatience}, "tcp", s.tlsAt, s.trusting())
	if err != nil {
		s.fault("TLS: %v", err)
		return
	}
	defer conn.Close()
	if !conn.ConnectionState().PeerCertificates[0].Equal(s.settings.certificate.Leaf) {
		s.fault("the certificate of the last good configuration is not in force")
	}
}

// rotateCertificate has new certificates in force by the time that the reload is done. Whoever has a
// ticket still resumes by it.
func (s *soak) rotateCertificate() {
	holders := s.ticketHolders()
	s.settings.certificate, s.settings.own = s.settings.ca.Issue("localhost"), s.settings.ca.Issue("mqttward")
	s.settings.restore()
	s.hangUp(wordReloaded)
	s.showsCertificate()
	s.resume(holders, true)
}

// rotateTicketKeys has a new key make tickets, by which those of the old one still resume, until it is
// gone.
func (s *soak) rotateTicketKeys() {
	holders, late := s.ticketHolders(), s.ticketHolders()
	old := s.settings.ticketKeys
	s.settings.ticketKeys = append([]string{newTicketKey()}, old...)
	s.settings.restore()
	s.hangUp(wordReloaded)
	s.resume(holders, true)
	s.settings.ticketKeys = s.settings.ticketKeys[:1]
	s.settings.restore()
	s.hangUp(wordReloaded)
	s.resume(holders, true) // with new tickets
	s.resume(late, false)
}

// ticketHolders have connected by TLS 1.2 and 1.3.
func (s *soak) ticketHolders() []*caller {
	var all []*caller
	for n := range 2 {
		c := &caller{s: s, from: s.strangers.next(), address: s.tlsAt, tls: s.resuming(n),
			connect: connectAs(packets.V5, goodID+"ticket", "user-0", "user-0's")}
		c.looksIn()
		all = append(all, c)
	}
	return all
}

// resume sees whether holders of tickets resume their TLS session.
func (s *soak) resume(holders []*caller, want bool) {
	for _, c := range holders {
		w := c.verdict()
		if w == nil {
			continue
		}
		conn := w.Conn.(*tls.Conn).ConnectionState()
		if conn.DidResume != want {
			s.fault("TLS %s: a ticket resumed the session: %v, want %v", tls.VersionName(conn.Version), conn.DidResume, want)
		}
		w.Close()
	}
}
