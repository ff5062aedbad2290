package proxy

import (
	"errors"
	"net"
	"syscall"
)

// greeting is a connection that tells, once, that its client has sent something. It passes on
// what package relay needs of the socket, which it stands for below TLS.
type greeting struct {
	net.Conn
	head  []byte // what was read of it before
	began func() // nil once called
	said  bool   // something was read
	slow  bool   // what is read takes a while to be dealt with
}

// Read implements net.Conn. Before it reads on, and may wait, it tells that the client has begun: one
// whose CONNECT came in one piece has not only begun. Where that takes a while, it tells at once: a
// client whose TLS handshake is computed has not been silent, and nothing of it is left to be seen in
// the socket.
func (g *greeting) Read(p []byte) (int, error) {
	if g.said {
		g.tell()
	}
	var n int
	var err error
	if len(g.head) > 0 {
		n = copy(p, g.head)
		g.head = g.head[n:]
	} else {
		n, err = g.Conn.Read(p)
	}
	g.said = g.said || n > 0
	if g.said && g.slow {
		g.tell()
	}
	return n, err
}

func (g *greeting) tell() {
	if g.began != nil {
		g.began()
		g.began = nil
	}
}

// CloseWrite ends our stream.
func (g *greeting) CloseWrite() error {
	if w, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn implements syscall.Conn.
func (g *greeting) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := g.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
