package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
)

// greeting is a connection that tells, once, that its client has sent something. It passes on
// what package relay needs of the socket, which it stands for below TLS.
type greeting struct {
	net.Conn
	head  []byte          // what was read of it before
	began func()          // nil once called
	said  bool            // something was read
	slow  bool            // what is read takes a while to be dealt with
	last  [alertSize]byte // of what was read
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
	if g.slow && n > 0 {
		g.remember(p[:n])
	}
	if g.said && g.slow {
		g.tell()
	}
	return n, err
}

// alertSize is that of a record with an alert in clear: type, version, length, level and description.
// [RFC 8446 5.1, 6]
const alertSize = 7

// remember keeps the last bytes of what was read.
func (g *greeting) remember(p []byte) {
	if n := len(p); n < alertSize {
		copy(g.last[:], g.last[n:])
		copy(g.last[alertSize-n:], p)
		return
	}
	copy(g.last[:], p[len(p)-alertSize:])
}

// explained returns a handshake's error, or the client's alert where that is what it comes from. A client
// that gives up when it has our certificate, since it trusts nobody who issued it, may send its alert in
// clear although TLS 1.3 has keys by then: OpenSSL does, and crypto/tls takes the alert for a record that
// was tampered with.
func (g *greeting) explained(err error) error {
	const recordAlert, fatal = 21, 2
	var op *net.OpError
	a := g.last
	if !errors.As(err, &op) || op.Op != "local error" || a[0] != recordAlert || a[1] != 3 || a[3] != 0 || a[4] != 2 || a[5] != fatal {
		return err
	}
	return &net.OpError{Op: "remote error", Err: tls.AlertError(a[6])} // as crypto/tls says it
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
