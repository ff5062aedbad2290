package relay

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls on the path of the bytes never block, so that the runtime need not be told of them
// (syscall.RawSyscall): its bookkeeping would cost as much as a short call itself.

// receive reads from a socket.
func receive(fd int32, p []byte) (int, unix.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), 0
}

// transmit writes to a socket, and raises no signal where its peer is gone. It returns how much
// was taken, which may be less than all where errno is EAGAIN.
func transmit(fd int32, p []byte) (done int, errno unix.Errno) {
	for done < len(p) {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p[done:]))), uintptr(len(p)-done), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return done, errno
		}
		done += int(n)
	}
	return done, 0
}

// spliceOnce moves at most n bytes from one descriptor to another, one of which is a pipe.
func spliceOnce(from, to int32, n int) (int, unix.Errno) {
	m, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	if errno != 0 {
		return -1, errno
	}
	return int(m), 0
}

// shutdownWrite ends our stream. What fails here fails because the peer is gone.
func shutdownWrite(fd int32) { _ = unix.Shutdown(int(fd), unix.SHUT_WR) }

// unacknowledged is how many bytes of fd's send queue the peer has yet to acknowledge.
func unacknowledged(fd int32) int {
	n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	if err != nil {
		return -1
	}
	return n
}
