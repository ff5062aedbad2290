package relay

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// token names a watched socket: a circuit's slot and its side. wakeToken is the loop's own.
type token uint32

const wakeToken token = 1<<32 - 1

// event is what a poller has seen of a socket.
type event struct {
	token          token
	in, out, ended bool // readable, writable, the stream's end or an error
}

// maxEvents is how many events are taken at once.
const maxEvents = 256

// poller is epoll, edge triggered: each change is told once.
type poller struct {
	fd     int
	wakeFD int
	raw    [maxEvents]unix.EpollEvent
	events []event
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	p := &poller{fd: fd}
	if p.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if err := p.control(unix.EPOLL_CTL_ADD, p.wakeFD, wakeToken, unix.EPOLLIN|unix.EPOLLET); err != nil {
		p.close()
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	p.events = make([]event, 0, maxEvents)
	return p, nil
}

func (p *poller) close() {
	unix.Close(p.wakeFD)
	unix.Close(p.fd)
}

func (p *poller) control(op, fd int, t token, events uint32) error {
	return unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(t)})
}

// watch watches a socket for something to read or its end, and for room to write where that is
// wanted: a socket that has room all the time would wake the loop for nothing. Closing the
// socket ends it. It may be called by any goroutine.
func (p *poller) watch(fd int32, t token, forRoom bool) error {
	const forInput = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	if forRoom {
		return p.control(unix.EPOLL_CTL_MOD, int(fd), t, forInput|unix.EPOLLOUT)
	}
	return p.control(unix.EPOLL_CTL_ADD, int(fd), t, forInput)
}

// wake makes wait return. It may be called by any goroutine.
func (p *poller) wake() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wakeFD, one[:]) // it fails only where a wake-up is pending already
}

// wait returns what has happened: at once where something has, else after timeout at the latest,
// which is for ever where it is negative. The events are valid until the next call.
func (p *poller) wait(timeout time.Duration) []event {
	// First without blocking: the runtime need not be told, and under load that is all.
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.raw)), maxEvents, 0, 0, 0)
	if errno != 0 {
		n = 0
	}
	if n == 0 && timeout != 0 {
		ms := -1
		if timeout > 0 {
			ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
		}
		m, err := unix.EpollWait(p.fd, p.raw[:], ms)
		n = uintptr(max(m, 0))
		if err != nil {
			n = 0
		}
	}
	p.events = p.events[:0]
	for i := range p.raw[:n] {
		raw := &p.raw[i]
		e := event{token: token(raw.Fd)}
		if e.token == wakeToken {
			var count [8]byte
			_, _ = unix.Read(p.wakeFD, count[:])
			continue
		}
		e.ended = raw.Events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0
		e.in = e.ended || raw.Events&unix.EPOLLIN != 0
		e.out = raw.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0
		p.events = append(p.events, e)
	}
	return p.events
}
