package proxy

// Handshakes is the number of connections whose CONNECT has not been accepted.
func (s *Server) Handshakes() int {
	s.handshakes.mu.Lock()
	defer s.handshakes.mu.Unlock()
	return s.handshakes.count
}

// Sessions is the number of sessions that relay or are about to.
func (s *Server) Sessions() int {
	s.roster.mu.Lock()
	defer s.roster.mu.Unlock()
	return len(s.roster.sessions)
}
