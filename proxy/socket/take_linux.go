package socket

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// OnWait has f called once, before the connection waits for the first time. Nil forgets it.
func (c *Conn) OnWait(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onWait = f
}

// OnDisturb has f called whenever the connection is closed or gets a deadline, for whoever waits
// for its first bytes elsewhere. Nil forgets it.
func (c *Conn) OnDisturb(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disturbed = f
}

// attach gives the descriptor to the runtime's poller. The lock is held.
func (c *Conn) attach() *os.File {
	if c.file != nil {
		return c.file
	}
	if f := c.onWait; f != nil {
		c.onWait = nil
		f()
	}
	c.file = os.NewFile(uintptr(c.fd), "socket")
	c.fd = -1
	if !c.readBy.IsZero() {
		_ = c.file.SetReadDeadline(c.readBy)
	}
	if !c.writeBy.IsZero() {
		_ = c.file.SetWriteDeadline(c.writeBy)
	}
	return c.file
}

// control calls f with the descriptor, whoever has it.
func (c *Conn) control(f func(fd uintptr)) error {
	c.mu.Lock()
	if c.file == nil {
		defer c.mu.Unlock()
		if c.fd < 0 {
			return net.ErrClosed
		}
		f(uintptr(c.fd))
		return nil
	}
	file := c.file
	c.mu.Unlock()
	raw, err := file.SyscallConn()
	if err != nil {
		return readable(err)
	}
	return readable(raw.Control(f))
}

// HasInput reports whether bytes have come that nobody has read. It waits for nothing, and leaves the
// connection as it is.
func (c *Conn) HasInput() bool {
	has := false
	err := c.control(func(fd uintptr) { has = unreceived(int(fd)) > 0 })
	return err == nil && has
}

// SyscallConn implements syscall.Conn. The runtime's poller gets to know the descriptor.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		if c.fd < 0 {
			return nil, net.ErrClosed
		}
		c.attach()
	}
	return c.file.SyscallConn()
}

// Take returns the connection's descriptor, which is the caller's from then on, and leaves the
// connection closed. It reports whether there was one to take.
func (c *Conn) Take() (fd int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		fd, c.fd = c.fd, -1
		return fd, fd >= 0
	}
	raw, err := c.file.SyscallConn()
	if err != nil {
		return -1, false
	}
	fd = -1
	if raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }) != nil || err != nil {
		return -1, false
	}
	c.file.Close()
	c.file = nil
	return fd, true
}

// Watch has p tell once when there is something to read.
func (c *Conn) Watch(p *Poller, t Token) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return net.ErrClosed
	}
	return p.Watch(c.fd, t, ForInputOnce)
}

// Watch has p tell when somebody is there to be accepted.
func (l *Listener) Watch(p *Poller, t Token) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fd < 0 {
		return net.ErrClosed
	}
	return p.Watch(l.fd, t, unix.EPOLLIN|unix.EPOLLET)
}

// Unwatch has p forget the connection, before somebody else watches its descriptor.
func (c *Conn) Unwatch(p *Poller) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = p.control(unix.EPOLL_CTL_DEL, c.fd, 0, 0)
	}
}
