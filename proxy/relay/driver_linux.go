package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

// driver is how a loop hears of its sockets, and writes to them. But for wake, and for watch where
// it says so, all of it belongs to the loop's own goroutine.
type driver interface {
	// wait waits until something has happened, or for timeout, which is for ever where it is negative,
	// and returns how much has.
	wait(timeout time.Duration) int
	// slot is the place in the loop's table of the circuit that the nth of it belongs to, or -1; and
	// deal tells that circuit.
	slot(n int) int
	deal(n int, c *circuit)
	// wake makes wait return. Anybody may call it.
	wake()

	// watch has both sides of a circuit watched from now on. Where direct is true anybody may call it.
	watch(w watches) error
	direct() bool
	// rest is called when c has done what it could: what it waits for next will be told.
	rest(c *circuit)
	// awaitRoom has c told when side k's socket has room.
	awaitRoom(c *circuit, k int)
	// send writes p to side k's socket without waiting, and returns how much was taken; less than all
	// only with an error. It may be tried later, before the next wait: settle has it tried at once.
	send(c *circuit, k int, p []byte) (int, unix.Errno)
	settle()
	// endFollows says that side k's stream ends with what was sent last, so that both can share a
	// segment; settle and the end follow at once.
	endFollows(c *circuit, k int)
	// leave ends all that is under way for c, whose sockets are about to be closed.
	leave(c *circuit)
	// close gives back what the driver is made of.
	close()
}

// watches are what is to be watched of a circuit: the loop may be at work on it as soon as one of
// its sockets is.
type watches struct {
	slot int32
	fds  [2]int32
}

func (c *circuit) watches() watches {
	return watches{c.slot, [2]int32{c.sides[client].fd, c.sides[upstream].fd}}
}
