package uring

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Options say how large a ring is.
type Options struct {
	// Requests is how many requests can be waiting to be submitted before they are submitted for want
	// of room: a power of two.
	Requests uint32
	// Completions is how many completions there is room for: a power of two. The kernel keeps those
	// that find none, at a price.
	Completions uint32
	// Buffers is the number of provided buffers, a power of two of at most 32,768, and BufferSize the
	// bytes that each has.
	Buffers, BufferSize int
}

// Ring is one io_uring with its provided buffers. All of its methods belong to the thread that
// made it.
type Ring struct {
	fd int
	// What io_uring_enter knows the ring by: the thread's own name for it, which costs less to look up.
	name, named uintptr

	rings []byte // the mapping of both queues
	sqes  []sqe

	sqHead, sqTail *uint32
	sqFlags        *uint32
	sqMask         uint32
	next           uint32 // our tail: entries before it are complete
	submitted      uint32 // what the kernel has been given of them

	cqHead, cqTail *uint32
	cqMask         uint32
	cqes           []cqe

	buffers buffers

	wait    waitArg
	timeout unix.Timespec
}

// New returns a ring of the calling thread, to which the caller must have locked its goroutine. It
// must be closed, by the same thread.
func New(o Options) (*Ring, error) {
	p := params{
		flags:     setupCQSize | setupClamp | setupSubmitAll | setupSingleIssuer | setupDeferTaskrun,
		cqEntries: o.Completions,
	}
	fd, _, errno := syscall.Syscall(unix.SYS_IO_URING_SETUP, uintptr(o.Requests), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("io_uring_setup: %w", explained(errno))
	}
	r := &Ring{fd: int(fd), name: fd}
	if p.features&(featSingleMmap|featNoDrop|featExtArg) != featSingleMmap|featNoDrop|featExtArg {
		r.Close()
		return nil, errors.New("io_uring: the kernel is too old")
	}
	if err := r.mapQueues(&p); err != nil {
		r.Close()
		return nil, err
	}
	if err := r.buffers.register(r.fd, o.Buffers, o.BufferSize); err != nil {
		r.Close()
		return nil, err
	}
	r.register()
	if err := r.tryShortSend(r.Send); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// register gives the ring a name of its thread. Where it gets none, its descriptor does.
func (r *Ring) register() {
	u := ringUpdate{offset: anyOffset, fd: uint64(r.fd)}
	n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), registerRing, uintptr(unsafe.Pointer(&u)), 1, 0, 0)
	if errno == 0 && n == 1 {
		r.name, r.named = uintptr(u.offset), enterRegistered
	}
}

// explained says what may be done about a ring that can't be had.
func explained(errno syscall.Errno) error {
	switch errno {
	case unix.ENOSYS, unix.EPERM, unix.EACCES:
		return fmt.Errorf("%w (forbidden by kernel.io_uring_disabled, or by a container's seccomp profile)", errno)
	case unix.EINVAL:
		return fmt.Errorf("%w (it wants Linux 6.1)", errno)
	}
	return errno
}

// mapQueues maps what the kernel shares.
func (r *Ring) mapQueues(p *params) error {
	size := max(p.sq.array+4*p.sqEntries, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	var err error
	const prot, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if r.rings, err = unix.Mmap(r.fd, offSQRing, int(size), prot, flags); err != nil {
		return fmt.Errorf("mmap the queues: %w", err)
	}
	entries, err := unix.Mmap(r.fd, offSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), prot, flags)
	if err != nil {
		return fmt.Errorf("mmap the submission entries: %w", err)
	}
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(unsafe.SliceData(entries))), p.sqEntries)
	r.sqHead, r.sqTail, r.sqMask = r.word(p.sq.head), r.word(p.sq.tail), *r.word(p.sq.ringMask)
	r.sqFlags = r.word(p.sq.flags)
	r.cqHead, r.cqTail, r.cqMask = r.word(p.cq.head), r.word(p.cq.tail), *r.word(p.cq.ringMask)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.rings[p.cq.cqes])), p.cqEntries)
	// The entries are used in their order: the table between the two never changes.
	for i := range p.sqEntries {
		*r.word(p.sq.array + 4*i) = i
	}
	return nil
}

// word is a number in the shared memory.
func (r *Ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// Close gives the ring and its buffers back. No receive must stand any more: the kernel ends what
// is under way, but only some time after Close has returned.
func (r *Ring) Close() {
	if r.named != 0 { // the thread would keep the ring as long as it lives
		u := ringUpdate{offset: uint32(r.name)}
		_, _, _ = syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), unregisterRing, uintptr(unsafe.Pointer(&u)), 1, 0, 0)
	}
	unix.Close(r.fd)
	if r.sqes != nil {
		size := len(r.sqes) * int(unsafe.Sizeof(sqe{}))
		_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(r.sqes))), size))
		r.sqes = nil
	}
	if r.rings != nil {
		_ = unix.Munmap(r.rings)
		r.rings = nil
	}
	r.buffers.unmap()
}

// Submit hands over what was prepared, has the kernel do what it has to do for this ring, and
// returns without waiting. What can be completed at once is.
func (r *Ring) Submit() { r.enter(0, 0, 0, 0) }

// Wait is Submit, and then waits until there is something to complete, or for timeout, which is for
// ever where it is negative.
func (r *Ring) Wait(timeout time.Duration) {
	switch {
	case timeout == 0 || r.Completed():
		r.Submit()
	case timeout < 0:
		r.enter(1, 0, 0, 0)
	default:
		r.timeout = unix.NsecToTimespec(timeout.Nanoseconds())
		r.wait.ts = uint64(uintptr(unsafe.Pointer(&r.timeout)))
		r.enter(1, enterExtArg, uintptr(unsafe.Pointer(&r.wait)), unsafe.Sizeof(r.wait))
		runtime.KeepAlive(r)
	}
}

// enter makes the call until all is submitted. A signal ends the wait: nothing is lost by that.
func (r *Ring) enter(wait, flags, arg, size uintptr) {
	atomic.StoreUint32(r.sqTail, r.next)
	for {
		rest := r.next - r.submitted
		n, _, errno := syscall.Syscall6(unix.SYS_IO_URING_ENTER, r.name, uintptr(rest), wait, enterGetEvents|r.named|flags, arg, size)
		if errno == 0 {
			r.submitted += uint32(n)
		}
		// The kernel stops short where it has no memory for a request, and refuses a call while too many
		// completions are kept for want of room: they must be taken first, which the caller does.
		if r.submitted == r.next || errno != 0 && errno != unix.EINTR && errno != unix.EAGAIN || r.Completed() {
			return
		}
		wait = 0
	}
}
