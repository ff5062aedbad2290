package uring

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errSilent would be a kernel to which a send is a success though it was short: nothing would be
// told of it, and what was left over would be lost.
var errSilent = errors.New("io_uring: the kernel does not say that a send was short")

// tryShortSend has send send more than a socket takes, and demands that it is told: the kernel's
// documentation does not say so in as many words as one would like.
func (r *Ring) tryShortSend(send func(fd int, p []byte, t Token)) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil { // the least there is
		return fmt.Errorf("setsockopt: %w", err)
	}
	p, err := unix.Mmap(-1, 0, 256<<10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	defer func() { _ = unix.Munmap(p) }()
	const token = 1
	send(fds[0], p, token)
	r.Submit()
	if done := r.Take(nil); len(done) != 1 || done[0].Token != token || done[0].N == 0 || done[0].N >= len(p) {
		return errSilent
	}
	return nil
}
