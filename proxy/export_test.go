package proxy

import "time"

// Handshakes is the number of connections whose CONNECT has not been accepted.
func (s *Server) Handshakes() int {
	s.handshakes.mu.Lock()
	defer s.handshakes.mu.Unlock()
	return s.handshakes.count
}

// ReadProxyHeader reads what a balancer tells.
var ReadProxyHeader = readProxyHeader

// SetPatience sets for how long those that are silent and those that have begun are left alone, until
// restore is called.
func SetPatience(silentFor, begunFor time.Duration) (restore func()) {
	before := patience
	patience = [numClasses]time.Duration{silent: silentFor, begun: begunFor}
	return func() { patience = before }
}

// Patience is for how long they are.
func Patience() (silentFor, begunFor time.Duration) { return patience[silent], patience[begun] }
