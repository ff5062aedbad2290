package proxy

// Handshakes is the number of connections whose CONNECT has not been accepted.
func (s *Server) Handshakes() int {
	s.handshakes.mu.Lock()
	defer s.handshakes.mu.Unlock()
	return s.handshakes.count
}

// ReadProxyHeader reads what a balancer tells.
var ReadProxyHeader = readProxyHeader
