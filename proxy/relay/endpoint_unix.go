//go:build unix

package relay

import (
	"io"
	"net"
	"os"
	"syscall"
)

// newEndpoint returns the endpoint that fits c.
func newEndpoint(c net.Conn) endpoint {
	if sc, ok := c.(syscall.Conn); ok { // TLS is none
		return newReady(c, sc)
	}
	return &stream{conn: conn{Conn: c, socket: Socket(c)}}
}

// ready is an endpoint that waits for readability, and takes a buffer only then.
type ready struct {
	conn
	raw syscall.RawConn
	try func(fd uintptr) bool // readOnce, bound once: a method value allocates
	buf *[bufferSize]byte
	n   int
	err error
}

func newReady(c net.Conn, sc syscall.Conn) endpoint {
	raw, err := sc.SyscallConn()
	if err != nil { // only of a connection that is nil or closed: reading will tell
		return &stream{conn: conn{Conn: c, socket: c}}
	}
	s := &ready{conn: conn{Conn: c, socket: c}, raw: raw}
	s.try = s.readOnce
	return s
}

func (s *ready) receive() (*[bufferSize]byte, int, error) {
	if err := s.raw.Read(s.try); err != nil {
		return nil, 0, err
	}
	buf, n, err := s.buf, s.n, s.err
	s.buf, s.n, s.err = nil, 0, nil
	return buf, n, err
}

// readOnce reads what is there and reports whether anything, an end or an error included,
// was. Where nothing was, it gives its buffer back, and the runtime's poller waits.
func (s *ready) readOnce(fd uintptr) bool {
	buf := buffers.Get().(*[bufferSize]byte)
	for {
		n, err := syscall.Read(int(fd), buf[:])
		switch {
		case n > 0:
			s.buf, s.n = buf, n
			return true
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			buffers.Put(buf)
			return false
		case err == nil:
			s.err = io.EOF
		default:
			s.err = os.NewSyscallError("read", err)
		}
		buffers.Put(buf)
		return true
	}
}
