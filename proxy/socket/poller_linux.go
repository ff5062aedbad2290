package socket

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Token names a watched socket; what it means is the caller's to say. MaxToken is the poller's own.
type Token uint32

// MaxToken is the least token that can't be used.
const MaxToken Token = 1<<32 - 1

// Event is what a poller has seen of a socket.
type Event struct {
	Token          Token
	In, Out, Ended bool // readable, writable, the stream's end or an error
}

// maxEvents is how many events are taken at once.
const maxEvents = 256

// Poller waits for many sockets. It is epoll, edge triggered: each change is told once. Wait is
// called by one goroutine at a time, everything else by any.
//
// Who waits does so in the runtime's own poller, which watches this one: a thread that blocked in
// epoll_wait by itself would have its processor taken away by the runtime's monitor, and be handed
// another, at the price of several futex calls for each wait.
type Poller struct {
	fd     int
	file   *os.File // of fd: the goroutine waits in the runtime's poller
	conn   syscall.RawConn
	try    func(fd uintptr) bool // look
	timed  bool                  // a deadline is set
	n      int                   // of raw
	wakeFD int
	raw    [maxEvents]unix.EpollEvent
	events []Event
}

// NewPoller returns a poller that watches nothing. It must be closed.
func NewPoller() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or the runtime would not poll it
		unix.Close(fd)
		return nil, fmt.Errorf("fcntl: %w", err)
	}
	p := &Poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	p.try = p.look
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	if p.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if err := p.control(unix.EPOLL_CTL_ADD, p.wakeFD, MaxToken, unix.EPOLLIN|unix.EPOLLET); err != nil {
		p.Close()
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	p.events = make([]Event, 0, maxEvents)
	return p, nil
}

// Close gives back the poller's descriptors. Nobody may wait.
func (p *Poller) Close() {
	unix.Close(p.wakeFD)
	p.file.Close()
}

func (p *Poller) control(op, fd int, t Token, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(t)}
	_, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(p.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&e)), 0, 0)
	return failed(errno)
}

// What a socket is watched for beside its end.
const (
	ForInput     = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	ForRoom      = ForInput | unix.EPOLLOUT // a socket that has room all the time wakes for nothing
	ForInputOnce = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT
)

// Watch watches a socket. Closing the socket ends it.
func (p *Poller) Watch(fd int, t Token, what uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, t, what)
}

// Change changes what a watched socket is watched for.
func (p *Poller) Change(fd int, t Token, what uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, t, what)
}

// Wake makes Wait return.
func (p *Poller) Wake() { Signal(p.wakeFD) }

// Wait returns what has happened: at once where something has, else after timeout at the latest,
// which is for ever where it is negative. The events are valid until the next call.
func (p *Poller) Wait(timeout time.Duration) []Event {
	if timeout == 0 {
		p.look(uintptr(p.fd))
		return p.taken()
	}
	if timeout > 0 {
		_ = p.file.SetReadDeadline(time.Now().Add(timeout))
		p.timed = true
	} else if p.timed {
		_ = p.file.SetReadDeadline(time.Time{})
		p.timed = false
	}
	p.n = 0
	_ = p.conn.Read(p.try) // the only error is that the time is over
	return p.taken()
}

// look takes what has happened, without waiting, and reports whether anything has.
func (p *Poller) look(fd uintptr) bool {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&p.raw)), maxEvents, 0, 0, 0)
	if errno != 0 {
		n = 0
	}
	p.n = int(n)
	return n > 0
}

// taken returns what look took.
func (p *Poller) taken() []Event {
	p.events = p.events[:0]
	for i := range p.raw[:p.n] {
		raw := &p.raw[i]
		e := Event{Token: Token(raw.Fd)}
		if e.Token == MaxToken {
			var count [8]byte
			_, _ = unix.Read(p.wakeFD, count[:])
			continue
		}
		e.Ended = raw.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
		e.In = e.Ended || raw.Events&unix.EPOLLIN != 0
		e.Out = raw.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0
		p.events = append(p.events, e)
	}
	return p.events
}
