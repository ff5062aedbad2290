package relay

import (
	"sync/atomic"
	"time"

	"mqttward/packets"
	"mqttward/proxy/socket"
)

// circuit is a session that an event loop serves: two sockets, and what flows between them. It
// belongs to its loop; what others may call goes through the loop's inbox. All that it is made
// of is here, a few hundred bytes, and none of it is a goroutine, a timer or a buffer.
type circuit struct {
	loop    *loop
	owner   Owner
	scanner *packets.ConnackScanner // nil once the broker has answered
	parting *parting                // nil until the session begins to end
	sides   [2]side

	lastByte  atomic.Int64 // Unix nanoseconds
	halfClose uint32       // milliseconds
	limit     uint32       // the client's Maximum Packet Size, 0: none
	slot      int32        // in the loop's table
	connected bool         // a successful CONNACK has passed down
	over      bool
	again     bool  // it is in the loop's list of those that go on
	pending   uint8 // requests that the kernel has: while there are any, the slot is kept
}

// side is one socket, and the direction that begins at it.
type side struct {
	fd    int32
	flags sideFlags
	boundaries
	calm  uint8         // how often in a row a stream had little to say
	bytes atomic.Uint64 // that went on to the other side
	held  *held         // what was read here and the other side has not taken; nil: nothing
	tls   *secure       // nil: in clear
}

// The sides of a circuit.
const (
	client   = 0
	upstream = 1
)

type sideFlags uint32

const (
	readable  sideFlags = 1 << iota // there may be something to read
	hung                            // the stream's end or an error is behind what can be read
	drained                         // the stream is over: nothing more can be read
	asked                           // the direction is to end with its last packet
	closing                         // its last bytes are held, and what comes after them is dropped
	sealed                          // the direction has ended
	blocked                         // the socket is watched for room to write
	bulk                            // large packets are passing
	unspliced                       // the kernel can't splice here

	// Over io_uring.
	queued    // a send to the other side is under way
	broken    // it has failed: the other side is gone
	streaming // it is told of input, and read as over epoll
	standing  // a receive is under way
	stopped   // which is to end
	polling   // input is waited for
	ending    // the stream's end is
)

func (s *side) is(f sideFlags) bool { return s.flags&f != 0 }

// causes are what a session ends with, by the side that began it.
var causes = [2]struct{ closed, reset Cause }{
	client:   {ClientClosed, ClientReset},
	upstream: {UpstreamClosed, UpstreamReset},
}

// finish closes both sides once nothing can flow any more, and reports whether that is so. Both
// have been read to their ends, so that closing them ends our streams in order.
func (c *circuit) finish() bool {
	for i := range c.sides {
		if s := &c.sides[i]; !s.is(drained) || !s.is(sealed) {
			return false
		}
	}
	c.close()
	return true
}

// close closes both sides at once and tells the owner. Calling it again does nothing.
func (c *circuit) close() {
	if c.over {
		return
	}
	c.landed(client)
	c.landed(upstream)
	c.over = true
	c.loop.driver.leave(c)
	for i := range c.sides {
		s := &c.sides[i]
		_ = socket.Close(int(s.fd))
		s.fd = -1
		if s.held != nil {
			s.held.release(c.loop)
			s.held = nil
		}
		s.tls = nil
	}
	if c.pending == 0 {
		c.loop.remove(c)
	}
	c.owner.Ended(End{Stats: c.Stats(), Cause: c.parting.cause.after(c.connected && c.sides[client].framer.Disconnected())})
}

// Stats implements [Link].
func (c *circuit) Stats() Stats {
	return Stats{
		BytesUp:   c.sides[client].bytes.Load(),
		BytesDown: c.sides[upstream].bytes.Load(),
		LastByte:  time.Unix(0, c.lastByte.Load()),
	}
}
