package relay

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"
)

// Wire is a connection that TLS is put above, so that an event loop can take the socket away
// from below it later: the loop then feeds what it has read, and sends what TLS has written.
// Until then it is the connection that it was made of.
type Wire struct {
	net.Conn
	taken bool
	in    []byte // what was read and TLS has not taken, valid while the loop feeds it
	ended bool   // nothing will follow in
	out   []byte // what TLS has written and nobody has sent
}

// NewWire returns a wire over a socket.
func NewWire(socket net.Conn) *Wire { return &Wire{Conn: socket} }

// errDry is what a read of a taken wire returns when there is nothing more for now. crypto/tls
// keeps what it has and goes on later after an error that calls itself temporary.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "relay: nothing to read for now" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// Read implements net.Conn.
func (w *Wire) Read(p []byte) (int, error) {
	if !w.taken {
		return w.Conn.Read(p)
	}
	if len(w.in) == 0 {
		if w.ended {
			return 0, io.EOF
		}
		return 0, errDry
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

// Write implements net.Conn. Once the wire is taken it queues, and never fails: crypto/tls would
// not go on after an error.
func (w *Wire) Write(p []byte) (int, error) {
	if !w.taken {
		return w.Conn.Write(p)
	}
	w.out = append(w.out, p...)
	return len(p), nil
}

// SetDeadline implements net.Conn. A wire that was taken waits for nothing.
func (w *Wire) SetDeadline(t time.Time) error {
	if w.taken {
		return nil
	}
	return w.Conn.SetDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (w *Wire) SetReadDeadline(t time.Time) error {
	if w.taken {
		return nil
	}
	return w.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (w *Wire) SetWriteDeadline(t time.Time) error {
	if w.taken {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// CloseWrite ends our stream, where the socket can.
func (w *Wire) CloseWrite() error {
	if c, ok := w.Conn.(writeCloser); ok && !w.taken {
		return c.CloseWrite()
	}
	return syscall.ENOTSUP
}

// SyscallConn implements syscall.Conn.
func (w *Wire) SyscallConn() (syscall.RawConn, error) {
	if c, ok := w.Conn.(syscall.Conn); ok && !w.taken {
		return c.SyscallConn()
	}
	return nil, syscall.ENOTSUP
}

// secure is TLS whose wire was taken.
type secure struct {
	conn *tls.Conn
	wire *Wire
}

// feed gives TLS the next bytes from the socket, which may be none, and appends what they decrypt
// to into plain. It returns io.EOF when the peer has ended its stream, and any other error when
// TLS failed. plain must have room for all of it: it is never more than was fed, and one record.
// reply is what TLS itself has to say to the peer (a key update, an alert), built upon room.
func (s *secure) feed(p []byte, ended bool, plain, room []byte) (n int, reply []byte, err error) {
	s.wire.in, s.wire.ended, s.wire.out = p, ended, room[:0]
	for n < len(plain) && err == nil {
		var m int
		m, err = s.conn.Read(plain[n:])
		n += m
	}
	reply = s.wire.out
	s.wire.in, s.wire.out = nil, nil
	if err == errDry {
		err = nil
	}
	return n, reply, err
}

// seal returns p encrypted, built upon room.
func (s *secure) seal(p, room []byte) ([]byte, error) {
	s.wire.out = room[:0]
	_, err := s.conn.Write(p)
	out := s.wire.out
	s.wire.out = nil
	return out, err
}

// goodbye returns TLS's last words to the peer, a close_notify, built upon room.
func (s *secure) goodbye(room []byte) []byte {
	s.wire.out = room[:0]
	_ = s.conn.CloseWrite() // a handshake that is complete, and a write that can't fail
	out := s.wire.out
	s.wire.out = nil
	return out
}
