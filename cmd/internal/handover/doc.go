// Package handover has listening sockets come from outside: from systemd, by socket activation,
// and from a mqttward that runs already and starts its own successor.
//
// # Upgrade
//
// The successor is a child of the process that it follows, started from the path that this one was
// started from, with its arguments, its environment and its listening sockets. A unix socket over
// which any process could ask for them would do as well; inheritance was chosen since there is then
// no path that somebody else could listen at or ask at, no key of the configuration, and the
// kernel itself sees to it that both are the same user's. The price is that the upgrade is begun by
// a signal to the old process and not by starting the new one.
//
// Where there is a service manager the successor is a sibling instead, a child of the manager: systemd
// learns of no other process's end, and waits for none: right after the signal that stops the service
// it would kill a main process that is not its child.
//
// Both processes hold the very same sockets, so that there is one backlog: whoever was not accepted
// by the old one is by the new one. The successor says that it is ready by a byte over a pipe.
// A pipe that ends without one says that it has failed, by whatever way it did, and then nothing has
// changed.
package handover

import "os"

// Socket is a listening socket, and whose it is.
type Socket struct {
	// Name is the listener's. systemd may give any, or none.
	Name string
	// Bind is the address as configured; from systemd it is empty.
	Bind string
	// File holds the socket. Who passes a Socket to [Start] closes it afterwards.
	File *os.File
}

// AdminName is the name of the admin listener's socket, which no listener can have.
const AdminName = "@admin"

// Inherited is what a process was started with. Nil is nothing.
type Inherited struct {
	sockets     []Socket
	ready       *os.File    // where the predecessor waits; nil: there is none
	predecessor *os.Process // with ready
}
