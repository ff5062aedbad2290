// Package uring is as much of Linux's io_uring as a relay wants: standing receives into a ring of
// provided buffers, sends that are submitted together and never wait, polls, and one system call
// that hands all of it over and waits for what comes. Nothing else knows of the ring's memory.
//
// A [Ring] belongs to one thread: the one that made it submits and waits, and nobody else may
// touch it (IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_DEFER_TASKRUN). In return the kernel does the
// work of the ring, the receiving of bytes included, only inside that thread's own call, and never
// interrupts anybody for it. It wants Linux 6.1; [New] says why where it can't be had.
//
// # Memory that is shared with the kernel
//
// The submission queue, the completion queue and the ring of buffers are each a circle in shared
// memory with a head and a tail. Whoever fills one writes the entry first and then its tail, and
// whoever empties one reads the tail, then the entry, and moves the head when it is done with it.
// Our side of each is loaded and stored by sync/atomic, whose operations are at least the acquires
// and releases that the kernel's side pairs with. What lies behind the tail that one has loaded is
// therefore complete, and an entry before the head that one has stored is never read again.
//
// Memory that the kernel writes or reads is mapped outside of Go's heap: the collector neither
// moves nor frees it, and the race detector does not know of it.
package uring
