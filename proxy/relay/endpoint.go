package relay

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// bufferSize is what one read takes at most: two full TLS records, and large enough that
// a bulk transfer's system calls are lost in its copying.
const bufferSize = 32 << 10

// buffers are handed out for the time between a read and its write.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// endpoint is one side of a session as its directions see it. One goroutine receives; any
// may write, one at a time, as the direction's lock has it; any may abort.
type endpoint interface {
	// receive waits, without a buffer, until there is something to read, and returns a
	// pooled buffer that the caller gives back, and how much of it was filled. Where it is
	// nil, err is not; both may be given at once.
	receive() (buf *[bufferSize]byte, n int, err error)
	// write writes all of p or fails.
	write(p []byte) error
	// closeWrite ends our stream towards this side, after what was written.
	closeWrite()
	// queued is the number of bytes that the other end has not acknowledged, or -1 where
	// the system does not tell.
	queued() int
	// abort closes the connection now. It never blocks.
	abort()
}

// writeCloser is what TCP, unix and TLS connections can do beyond net.Conn.
type writeCloser interface{ CloseWrite() error }

// netConner is a connection above another, such as a *tls.Conn.
type netConner interface{ NetConn() net.Conn }

// Socket returns the connection that c stands on: c itself unless it is TLS. Closing it closes
// both at once, where closing TLS may wait for a peer that does not read.
func Socket(c net.Conn) net.Conn {
	if over, ok := c.(netConner); ok {
		return over.NetConn()
	}
	return c
}

// conn is what the two kinds of endpoint have in common.
type conn struct {
	net.Conn          // what is read and written
	socket   net.Conn // what it stands on
}

func (c *conn) write(p []byte) error {
	_, err := c.Conn.Write(p)
	return err
}

func (c *conn) closeWrite() {
	// TLS tells its peer with a close_notify, and the socket below says FIN: some peers
	// wait for the one, some for the other. What fails here fails because the peer is gone.
	if w, ok := c.Conn.(writeCloser); ok {
		_ = w.CloseWrite()
	}
	if c.socket != c.Conn {
		if w, ok := c.socket.(writeCloser); ok {
			_ = w.CloseWrite()
		}
	}
}

// abort closes the socket itself: closing a TLS connection may block for seconds on a
// peer that does not read.
func (c *conn) abort() { _ = c.socket.Close() }

func (c *conn) queued() int { return queuedBytes(c.socket) }

// stream is an endpoint for connections whose readiness can't be asked, such as TLS, where
// a record may have been read from the socket already. A read of one byte waits.
type stream struct {
	conn
	first [1]byte
}

// past is a deadline that has gone by: a read under it returns what is there already.
var past = time.Unix(1, 0)

func (s *stream) receive() (*[bufferSize]byte, int, error) {
	n, err := s.Conn.Read(s.first[:])
	if n == 0 {
		return nil, 0, err
	}
	buf := buffers.Get().(*[bufferSize]byte)
	buf[0] = s.first[0]
	if err != nil {
		return buf, 1, err
	}
	// The rest of the record must not be waited for: the byte may have been all of it.
	// crypto/tls takes a time-out for temporary and goes on afterwards.
	if err = s.Conn.SetReadDeadline(past); err == nil {
		n, err = s.Conn.Read(buf[1:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		if e := s.Conn.SetReadDeadline(time.Time{}); err == nil {
			err = e
		}
		return buf, 1 + n, err
	}
	return buf, 1, err
}
