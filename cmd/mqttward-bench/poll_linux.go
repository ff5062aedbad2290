package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// poller waits for many sockets in one thread. The load is made by pollers rather than by a
// goroutine for each connection: clients and broker share the cores with what is measured, and
// so cost a fraction of it.
type poller struct {
	epoll  int
	events [256]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &poller{epoll: fd}, nil
}

func (p *poller) close() { unix.Close(p.epoll) }

// add begins to watch a socket for readability. wait names it by id. Any goroutine may call it.
func (p *poller) add(fd int, id int32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, id, unix.EPOLLIN)
}

// change watches for room to write instead of readability, or the other way round.
func (p *poller) change(fd int, id int32, writing bool) error {
	events := uint32(unix.EPOLLIN)
	if writing {
		events = unix.EPOLLOUT
	}
	return p.control(unix.EPOLL_CTL_MOD, fd, id, events)
}

func (p *poller) control(op, fd int, id int32, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: id}))
}

// wait returns the sockets that are ready, for so many milliseconds at most; -1 is for ever.
// What it returns holds until the next call.
func (p *poller) wait(milliseconds int) ([]unix.EpollEvent, error) {
	n, err := unix.EpollWait(p.epoll, p.events[:], milliseconds)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return nil, os.NewSyscallError("epoll_wait", err)
	}
	return p.events[:max(n, 0)], nil
}

// detach takes the socket away from the runtime, whose own poller would be woken by each
// message too. conn is closed, also on errors.
func detach(conn *net.TCPConn) (fd int, err error) {
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1, err
	}
	if bad := raw.Control(func(from uintptr) {
		fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
	}); bad != nil {
		return -1, bad
	}
	return fd, os.NewSyscallError("fcntl", err)
}

// cut closes a socket by a reset.
func cut(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

// send writes what fits, and returns how much that was.
func send(fd int, packet []byte) (n int, err error) {
	for {
		n, err = unix.Write(fd, packet)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, fmt.Errorf("write: %w", err)
		}
		return n, nil
	}
}
