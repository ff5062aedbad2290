//go:build !linux

package proxy

// nursery is for Linux.
type nursery struct{ srv *Server }

func (*nursery) leads() {}

// newAcceptor returns what serves l.
func (s *Server) newAcceptor(l *Listener) (acceptor, error) { return netAcceptor{l, s}, nil }
