package uring

import "unsafe"

// The kernel's numbers, by the names of <linux/io_uring.h>.
const (
	opPollAdd     = 6
	opAsyncCancel = 14
	opSend        = 26
	opRecv        = 27

	sqeBufferSelect   = 1 << 5 // IOSQE_BUFFER_SELECT
	sqeSkipSuccess    = 1 << 6 // IOSQE_CQE_SKIP_SUCCESS
	recvMultishot     = 1 << 1 // IORING_RECV_MULTISHOT
	pollMulti         = 1 << 0 // IORING_POLL_ADD_MULTI
	cqeBuffer         = 1 << 0 // IORING_CQE_F_BUFFER
	cqeMore           = 1 << 1 // IORING_CQE_F_MORE
	cqeBufferShift    = 16
	sqOverflow        = 1 << 1 // IORING_SQ_CQ_OVERFLOW
	enterGetEvents    = 1 << 0
	enterExtArg       = 1 << 3
	enterRegistered   = 1 << 4 // IORING_ENTER_REGISTERED_RING
	registerRing      = 20     // IORING_REGISTER_RING_FDS
	unregisterRing    = 21     // IORING_UNREGISTER_RING_FDS
	registerBuffers   = 22     // IORING_REGISTER_PBUF_RING
	setupCQSize       = 1 << 3
	setupClamp        = 1 << 4
	setupSubmitAll    = 1 << 7
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13
	featSingleMmap    = 1 << 0
	featNoDrop        = 1 << 1
	featExtArg        = 1 << 8
	offSQRing         = 0
	offSQEs           = 0x10000000
)

// sqe is struct io_uring_sqe, as far as it is used here.
type sqe struct {
	opcode   uint8
	flags    uint8
	ioprio   uint16
	fd       int32
	off      uint64
	addr     uint64
	len      uint32
	opFlags  uint32 // msg_flags, poll32_events, cancel_flags
	userData uint64
	bufGroup uint16
	_        [22]byte
}

// ringUpdate is struct io_uring_rsrc_update, as it names a ring.
type ringUpdate struct {
	offset, _ uint32
	fd        uint64
}

// anyOffset has the kernel choose one.
const anyOffset = 1<<32 - 1

// cqe is struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// sqOffsets and cqOffsets are struct io_sqring_offsets and io_cqring_offsets.
type sqOffsets struct {
	head, tail, ringMask, ringEntries, flags, dropped, array, _ uint32
	userAddr                                                    uint64
}

type cqOffsets struct {
	head, tail, ringMask, ringEntries, overflow, cqes, flags, _ uint32
	userAddr                                                    uint64
}

// params is struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags uint32
	sqThreadCPU, sqThreadIdle   uint32
	features, wqFD              uint32
	_                           [3]uint32
	sq                          sqOffsets
	cq                          cqOffsets
}

// bufferEntry is struct io_uring_buf. The ring's tail lies in the last two bytes of the first one.
type bufferEntry struct {
	addr uint64
	len  uint32
	id   uint16
	tail uint16
}

// bufferRing is struct io_uring_buf_reg.
type bufferRing struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	_       [3]uint64
}

// waitArg is struct io_uring_getevents_arg.
type waitArg struct {
	sigmask   uint64
	sigmaskSz uint32
	_         uint32
	ts        uint64
}

// The kernel's structures have these sizes; a field that went astray would change them.
var (
	_ [64]byte  = [unsafe.Sizeof(sqe{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(cqe{})]byte{}
	_ [120]byte = [unsafe.Sizeof(params{})]byte{}
	_ [16]byte  = [unsafe.Sizeof(bufferEntry{})]byte{}
	_ [40]byte  = [unsafe.Sizeof(bufferRing{})]byte{}
	_ [24]byte  = [unsafe.Sizeof(waitArg{})]byte{}
)
