package uring

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BufferID names a provided buffer.
type BufferID int32

// None is no buffer.
const None BufferID = -1

// bufferGroup is the one group of buffers that a ring has.
const bufferGroup = 0

// cacheLine is added to each buffer, so that the beginnings of buffers whose size is a power of two
// do not all fall into the same few lines of the processor's cache.
const cacheLine = 64

// buffers are provided to the kernel by a ring of their own. Those that it holds are for it to
// write; one that came with a completion is ours until it is given back.
type buffers struct {
	memory []byte // the ring, then the buffers
	ring   []bufferEntry
	first  int // where the first buffer begins
	size   int
	stride int
	mask   uint32
	tail   uint32
	ours   int
}

// register makes n buffers of size bytes and gives all of them to the kernel.
func (b *buffers) register(fd, n, size int) error {
	b.size, b.stride, b.mask = size, size+cacheLine, uint32(n-1)
	ring := n * int(unsafe.Sizeof(bufferEntry{}))
	page := unix.Getpagesize()
	b.first = (ring + page - 1) / page * page
	var err error
	b.memory, err = unix.Mmap(-1, 0, b.first+n*b.stride, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("mmap the buffers: %w", err)
	}
	b.ring = unsafe.Slice((*bufferEntry)(unsafe.Pointer(unsafe.SliceData(b.memory))), n)
	reg := bufferRing{addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b.memory)))), entries: uint32(n), group: bufferGroup}
	_, _, errno := syscall.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(fd), registerBuffers, uintptr(unsafe.Pointer(&reg)), 1, 0, 0)
	if errno != 0 {
		return fmt.Errorf("io_uring_register of the buffers: %w", explained(errno))
	}
	b.ours = n
	for id := range n {
		b.giveBack(BufferID(id))
	}
	b.publish()
	return nil
}

func (b *buffers) unmap() {
	if b.memory != nil {
		_ = unix.Munmap(b.memory)
		b.memory, b.ring = nil, nil
	}
}

// giveBack puts a buffer behind the ring's tail, where the kernel does not see it before publish.
// The address, length and id are written one by one: the tail lies in the first entry's last bytes.
func (b *buffers) giveBack(id BufferID) {
	e := &b.ring[b.tail&b.mask]
	e.addr = uint64(uintptr(unsafe.Pointer(&b.memory[b.first+int(id)*b.stride])))
	e.len = uint32(b.size)
	e.id = uint16(id)
	b.tail++
	b.ours--
}

// publish moves the tail that the kernel sees. Go has no atomic store of 16 bits: the id of the
// first entry, which lies before the tail in the same word, is stored with it, as it stands.
func (b *buffers) publish() {
	first := &b.ring[0]
	word := (*uint32)(unsafe.Pointer(&first.id))
	halves := [2]uint16{first.id, uint16(b.tail)} // as they lie in memory
	atomic.StoreUint32(word, *(*uint32)(unsafe.Pointer(&halves)))
}

// Buffer is the first n bytes of a buffer that has come with a completion. They are valid until it
// is given back.
func (r *Ring) Buffer(id BufferID, n int) []byte {
	at := r.buffers.first + int(id)*r.buffers.stride
	return r.buffers.memory[at : at+n : at+r.buffers.size]
}

// Holds reports whether p lies in the buffer id.
func (r *Ring) Holds(id BufferID, p []byte) bool {
	at := uintptr(unsafe.Pointer(&r.buffers.memory[r.buffers.first+int(id)*r.buffers.stride]))
	return uintptr(unsafe.Pointer(unsafe.SliceData(p)))-at < uintptr(r.buffers.stride)
}

// BufferSize is how many bytes a buffer has.
func (r *Ring) BufferSize() int { return r.buffers.size }

// GiveBack lets the kernel have buffers again.
func (r *Ring) GiveBack(ids ...BufferID) {
	for _, id := range ids {
		r.buffers.giveBack(id)
	}
	r.buffers.publish()
}

// Ours is the number of buffers that have come with completions and were not given back.
func (r *Ring) Ours() int { return r.buffers.ours }
