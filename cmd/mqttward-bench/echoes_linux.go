package main

import (
	"errors"
	"io"
	"net"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// echoes sends back all that comes on many connections, from one thread. An idle connection
// holds no buffer.
type echoes struct {
	poll *poller
	buf  [64 << 10]byte
	// blocked has what a slow reader has still to get. It is read no further meanwhile.
	blocked map[int32][]byte
}

// newEchoes starts the thread, which lives as long as the process.
func newEchoes() (*echoes, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	e := &echoes{poll: p, blocked: map[int32][]byte{}}
	go e.run()
	return e, nil
}

// take makes conn one of those that are served; it is closed on errors.
func (e *echoes) take(conn *net.TCPConn) {
	fd, err := detach(conn)
	if err != nil {
		return // the client sees it
	}
	if err := e.poll.add(fd, int32(fd)); err != nil {
		unix.Close(fd)
	}
}

func (e *echoes) run() {
	runtime.LockOSThread()
	for {
		ready, err := e.poll.wait(-1)
		if err != nil {
			panic(err) // it fails on wrong arguments alone
		}
		for _, event := range ready {
			if rest, ok := e.blocked[event.Fd]; ok {
				e.answer(event.Fd, rest)
			} else {
				e.read(event.Fd)
			}
		}
	}
}

func (e *echoes) read(fd int32) {
	n, err := unix.Read(int(fd), e.buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err != nil || n == 0:
		unix.Close(int(fd))
		return
	}
	e.answer(fd, reply(e.buf[:n]))
}

// answer writes packet, and puts by what does not fit.
func (e *echoes) answer(fd int32, packet []byte) {
	_, waiting := e.blocked[fd]
	n, err := send(int(fd), packet)
	rest := packet[n:]
	if err == nil && (len(rest) > 0) != waiting {
		err = e.poll.change(int(fd), fd, len(rest) > 0)
	}
	delete(e.blocked, fd)
	switch {
	case err != nil:
		unix.Close(int(fd))
	case waiting && len(rest) > 0:
		e.blocked[fd] = rest
	case len(rest) > 0:
		e.blocked[fd] = slices.Clone(rest) // the buffer is everybody's
	}
}

// drop takes so many bytes and lets the kernel forget them: what the broker does not copy, it
// does not take from those that are measured.
func drop(conn *net.TCPConn, volume int64) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	// Nothing is written to it: MSG_TRUNC drops what it would have been.
	buf := make([]byte, sinkBuffer)
	for volume > 0 {
		var n int
		bad := raw.Read(func(fd uintptr) bool {
			n, _, err = unix.Recvfrom(int(fd), buf[:min(volume, int64(len(buf)))], unix.MSG_TRUNC)
			return !errors.Is(err, unix.EAGAIN)
		})
		switch {
		case bad != nil:
			return bad
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return io.ErrUnexpectedEOF
		default:
			volume -= int64(n)
		}
	}
	return nil
}
