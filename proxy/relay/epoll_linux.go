package relay

import (
	"time"

	"golang.org/x/sys/unix"

	"mqttward/proxy/socket"
)

// epoll is the driver that is told, edge by edge, what a socket is ready for.
type epoll struct {
	loop   *loop
	poller *socket.Poller
	events []socket.Event
}

func newEpoll(l *loop) (driver, error) {
	p, err := socket.NewPoller()
	if err != nil {
		return nil, err
	}
	return &epoll{loop: l, poller: p}, nil
}

func (d *epoll) wait(timeout time.Duration) int {
	d.events = d.poller.Wait(timeout)
	return len(d.events)
}

func (d *epoll) slot(n int) int { return int(d.events[n].Token >> 1) }

func (d *epoll) deal(n int, c *circuit) {
	e := d.events[n]
	c.happened(int(e.Token&1), e.In, e.Out, e.Ended)
}

func (d *epoll) wake() { d.poller.Wake() }

func (d *epoll) direct() bool { return true }

func (d *epoll) watch(w watches) error {
	for k, fd := range w.fds {
		if err := d.poller.Watch(int(fd), token(w.slot, k), socket.ForInput); err != nil {
			return err
		}
	}
	return nil
}

// token names side k of the circuit in a slot to the poller.
func token(slot int32, k int) socket.Token { return socket.Token(slot)<<1 | socket.Token(k) }

func (d *epoll) rest(*circuit) {}

func (d *epoll) awaitRoom(c *circuit, k int) {
	s := &c.sides[k]
	if s.is(blocked) {
		return // edges are told for good
	}
	switch d.poller.Change(int(s.fd), token(c.slot, k), socket.ForRoom) {
	case nil:
		s.flags |= blocked
	case unix.ENOENT:
		// Whoever starts c is about to have it watched: see start.
		d.loop.goOn(c)
	default:
		// Nobody would tell when there is room. It can't be waited for.
		s.flags |= blocked
		d.loop.post(order{c: c, kill: causes[k].reset})
	}
}

func (d *epoll) send(c *circuit, k int, p []byte) (int, unix.Errno) {
	return c.sendNow(k, p)
}

func (d *epoll) endFollows(*circuit, int) {}

func (d *epoll) settle() {}

func (d *epoll) leave(*circuit) {}

func (d *epoll) close() { d.poller.Close() }
