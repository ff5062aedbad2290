// Package socket has TCP connections that stay out of the runtime's poller for as long as they
// need not wait: one that is accepted, read, judged, dialled and handed to the relay without a
// wait costs the system calls for that and no other.
//
// A [Conn] reads and writes at once where the kernel can; only where it would have to wait is its
// descriptor given to the poller, once, and from then on it is an ordinary connection. A
// [Listener] accepts without waiting; a [Poller] waits for many descriptors at once. All of it is
// for Linux: other systems use package net.
package socket
