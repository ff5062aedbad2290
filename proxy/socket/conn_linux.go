package socket

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a TCP connection. It is a net.Conn, safe for concurrent use.
type Conn struct {
	local, remote netip.AddrPort

	mu   sync.Mutex // held over calls that don't wait
	fd   int        // -1: closed, taken, or the file's
	file *os.File   // nil: the poller does not know the descriptor
	// Deadlines cost nothing until the connection has to wait.
	readBy, writeBy time.Time
	unread          []byte // what Unread gave back
	onWait          func() // called before the first wait
	disturbed       func() // called where somebody else closes or sets a deadline

	reserved atomic.Bool // acknowledgements wait for the first bytes that are written
}

// newConn returns the connection of a descriptor that does not block.
func newConn(fd int, local, remote netip.AddrPort) *Conn {
	return &Conn{fd: fd, local: local, remote: remote}
}

// Receive reads without waiting: the error is syscall.EAGAIN where nothing is there.
func (c *Conn) Receive(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return 0, net.ErrClosed
	}
	n, errno := Receive(c.fd, p)
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

// Unread gives back what Receive returned: the next Read returns it, and wipes p, which must stay
// as it is until then.
func (c *Conn) Unread(p []byte) { c.unread = p }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		clear(c.unread[:n]) // there may be a password in it, and nobody else needs it
		c.unread = c.unread[n:]
		return n, nil
	}
	n, wait, err := c.try(func(fd int) (int, unix.Errno) { return Receive(fd, p) })
	switch {
	case wait != nil:
		n, err = wait.Read(p)
		return n, readable(err)
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	n, wait, err := c.try(func(fd int) (int, unix.Errno) {
		n, errno := Send(fd, p)
		if n == len(p) {
			errno = 0
		}
		return n, errno
	})
	if wait != nil {
		var more int
		more, err = wait.Write(p[n:])
		n += more
	}
	if n > 0 && c.reserved.CompareAndSwap(true, false) {
		_ = c.control(func(fd uintptr) { _ = acknowledge(int(fd), true) })
	}
	return n, readable(err)
}

// try makes a call that does not wait. Where it would have to, the file to wait with is returned,
// and how much was done before that.
func (c *Conn) try(call func(fd int) (int, unix.Errno)) (n int, wait *os.File, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		return 0, c.file, nil
	}
	if c.fd < 0 {
		return 0, nil, net.ErrClosed
	}
	n, errno := call(c.fd)
	switch errno {
	case 0:
		return n, nil, nil
	case unix.EAGAIN:
		return max(n, 0), c.attach(), nil
	}
	return max(n, 0), nil, errno
}

// readable turns an error of a file into one of a connection: without a file's name, and with
// package net's word for what is closed.
func readable(err error) error {
	if err == nil {
		return nil // what is below costs an allocation
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if errors.Is(err, os.ErrClosed) {
		return net.ErrClosed
	}
	return err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mu.Lock()
	fd, file, disturbed := c.fd, c.file, c.disturbed
	c.fd = -1
	var err error
	if file == nil && fd >= 0 {
		err = Close(fd)
	}
	c.mu.Unlock()
	if file != nil {
		err = readable(file.Close())
	} else if fd < 0 {
		err = net.ErrClosed
	}
	if disturbed != nil {
		disturbed()
	}
	return err
}

// Ended reports whether the other side has ended its stream, or reset it, and nothing is left to
// be read. It waits for nothing, and must not be called beside Read.
func (c *Conn) Ended() bool {
	ended := false
	if err := c.control(func(fd uintptr) { ended = Ended(int(fd)) }); err != nil {
		return true
	}
	return ended && len(c.unread) == 0
}

// CloseWrite ends our stream.
func (c *Conn) CloseWrite() error {
	var err error
	if e := c.control(func(fd uintptr) { err = CloseWrite(int(fd)) }); e != nil {
		return e
	}
	return err
}

// Give gives back what Take took: the connection is as it was, but without deadlines.
func (c *Conn) Give(fd int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fd, c.readBy, c.writeBy = fd, time.Time{}, time.Time{}
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(&t, &t) }

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(nil, &t) }

func (c *Conn) setDeadlines(readBy, writeBy *time.Time) error {
	c.mu.Lock()
	file, disturbed := c.file, c.disturbed
	if readBy != nil {
		c.readBy = *readBy
	}
	if writeBy != nil {
		c.writeBy = *writeBy
	}
	var err error
	if file != nil && readBy != nil {
		err = file.SetReadDeadline(*readBy)
	}
	if file != nil && writeBy != nil && err == nil {
		err = file.SetWriteDeadline(*writeBy)
	}
	if file == nil && c.fd < 0 {
		err = net.ErrClosed
	}
	c.mu.Unlock()
	if disturbed != nil {
		disturbed()
	}
	return readable(err)
}

// AddrPort is the peer's address.
func (c *Conn) AddrPort() netip.AddrPort { return c.remote }

// LocalAddr implements net.Conn. The kernel is asked only where the listener has every address, or
// none.
func (c *Conn) LocalAddr() net.Addr {
	local := c.local
	if local.Addr().IsUnspecified() || !local.IsValid() {
		_ = c.control(func(fd uintptr) { local = localAddr(int(fd)) })
	}
	return net.TCPAddrFromAddrPort(local)
}

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }
