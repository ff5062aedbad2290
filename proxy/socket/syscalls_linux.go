package socket

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls that never block are made without telling the runtime (syscall.RawSyscall): its
// bookkeeping would cost as much as a short call itself.

// Receive reads from a socket without waiting.
func Receive(fd int, p []byte) (int, unix.Errno) { return receive(fd, p, 0) }

// Ended reports whether the other side has ended its stream, or reset it, and nothing is left to
// be read.
func Ended(fd int) bool {
	var b [1]byte
	n, errno := receive(fd, b[:], unix.MSG_PEEK)
	return n == 0 || errno != 0 && errno != unix.EAGAIN
}

func receive(fd int, p []byte, flags uintptr) (int, unix.Errno) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|flags, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// Send writes to a socket without waiting, and raises no signal where its peer is gone. It
// returns how much was taken: less than all of p where errno is not 0.
func Send(fd int, p []byte) (done int, errno unix.Errno) { return send(fd, p, 0) }

// SendMore is Send where more, or the stream's end, follows at once: the two then share a segment.
// Where nothing follows, the kernel sends p by itself after some 200 ms.
func SendMore(fd int, p []byte) (done int, errno unix.Errno) { return send(fd, p, unix.MSG_MORE) }

func send(fd int, p []byte, flags uintptr) (done int, errno unix.Errno) {
	for done < len(p) {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p[done:]))), uintptr(len(p)-done), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT|flags, 0, 0)
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

// Splice moves at most n bytes from one descriptor to another, one of which is a pipe, without
// waiting.
func Splice(from, to, n int) (int, unix.Errno) {
	m, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(n), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
	if errno != 0 {
		return -1, errno
	}
	return int(m), 0
}

// Signal writes to an eventfd.
func Signal(fd int) {
	one := uint64(1)
	// It fails only where nobody has read for longer than the counter lasts.
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
}

// Unacknowledged is how many bytes of a socket's send queue the peer has yet to acknowledge; -1
// where the system does not tell.
func Unacknowledged(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	if err != nil {
		return -1
	}
	return n
}

// unreceived is how many bytes of a socket's receive queue nobody has read; 0 where the system does not
// tell.
func unreceived(fd int) int {
	n, err := unix.IoctlGetInt(fd, unix.SIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// accept takes the next connection from a listening socket without waiting.
func accept(fd int) (int, netip.AddrPort, unix.Errno) {
	var raw unix.RawSockaddrAny
	for {
		size := uint32(unsafe.Sizeof(raw))
		n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			return int(n), addrPort(&raw), 0
		case unix.EINTR:
		default:
			return -1, netip.AddrPort{}, errno
		}
	}
}

// connect begins or looks after a connection: EINPROGRESS and EALREADY say that it is under way,
// 0 and EISCONN that it is there.
func connect(fd int, to netip.AddrPort) unix.Errno {
	var raw unix.RawSockaddrAny
	size := fill(&raw, to)
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&raw)), size)
	return errno
}

// bind gives a socket its own address.
func bind(fd int, from netip.AddrPort) unix.Errno {
	var raw unix.RawSockaddrAny
	size := fill(&raw, from)
	_, _, errno := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&raw)), size)
	return errno
}

// own reports whether a socket's own address is the one that it has connected to. Where nobody
// listens, the kernel may choose just that port, and TCP connects the socket to itself.
func own(fd int, to netip.AddrPort) bool { return localAddr(fd) == to }

// localAddr is a socket's own address; the zero value where it has none.
func localAddr(fd int) netip.AddrPort {
	var raw unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(raw))
	if _, _, errno := syscall.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size))); errno != 0 {
		return netip.AddrPort{}
	}
	return addrPort(&raw)
}

// addrPort reads an address of the kernel's. The port is in network order.
func addrPort(raw *unix.RawSockaddrAny) netip.AddrPort {
	switch raw.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), swapped(a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), swapped(a.Port))
	}
	return netip.AddrPort{}
}

// fill writes an address as the kernel has it, and returns its size.
func fill(raw *unix.RawSockaddrAny, to netip.AddrPort) uintptr {
	if to.Addr().Is4() {
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(raw))
		*a = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swapped(to.Port()), Addr: to.Addr().As4()}
		return unsafe.Sizeof(*a)
	}
	a := (*unix.RawSockaddrInet6)(unsafe.Pointer(raw))
	*a = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swapped(to.Port()), Addr: to.Addr().As16()}
	return unsafe.Sizeof(*a)
}

// swapped turns a port from the machine's order into the network's, or back.
func swapped(port uint16) uint16 {
	p := (*[2]byte)(unsafe.Pointer(&port))
	return uint16(p[0])<<8 | uint16(p[1])
}

// Close closes a descriptor.
func Close(fd int) error {
	_, _, errno := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return failed(errno)
}

// CloseWrite ends our stream.
func CloseWrite(fd int) error {
	_, _, errno := syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return failed(errno)
}

// open makes a TCP socket that does not block.
func open(family int) (int, error) {
	fd, _, errno := syscall.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	return int(fd), failed(errno)
}

// setOption sets an option that is a number.
func setOption(fd, level, name int, value int32) error {
	_, _, errno := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value), 0)
	return failed(errno)
}

// failed turns a number into an error; 0 is none.
func failed(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
