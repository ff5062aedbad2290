package relay

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/packets"
)

// fewSessions is what one loop serves before it is worth starting another: a few busy sessions
// are served best together, since each wait then finds more to do, and many by several loops.
const fewSessions = 256

// fewOfARing is the same for loops over io_uring, which gain more by doing much at once. One that is
// busy takes no more of them either: see load.
const fewOfARing = 16384

// againAfter is when another loop is tried again that could not be had: descriptors or memory were
// short for a while.
const againAfter = time.Second

// loops is the engine of event loops. What they can't serve, goroutines do.
type loops struct {
	drive func(*loop) (driver, error)
	few   int // sessions that a loop has before another is started
	rest  Goroutines

	mu     sync.Mutex
	all    []*loop   // those that were started; the capacity is what may be
	fail   error     // of starting another the last time; nil: none yet
	failed time.Time // when that was
}

// newLoops returns an engine of n loops; with few of them that many sessions each, before another
// one is started.
func newLoops(drive func(*loop) (driver, error), n, few int) (*loops, error) {
	e := &loops{drive: drive, few: few, all: make([]*loop, 0, n)}
	if e.pick(time.Now()); e.fail != nil {
		return nil, e.fail
	}
	return e, nil
}

// pick returns the loop for another session: the first that has few and is not busy, a new one, or
// else that which has least.
func (e *loops) pick(now time.Time) *loop {
	e.mu.Lock()
	defer e.mu.Unlock()
	var least *loop
	for _, l := range e.all {
		n := l.sessions.Load()
		if int(n) < e.few && !l.load.isBusy(now) {
			return l
		}
		if least == nil || n < least.sessions.Load() {
			least = l
		}
	}
	if len(e.all) == cap(e.all) || now.Sub(e.failed) < againAfter {
		return least
	}
	l, err := newLoop(e.drive)
	if err != nil {
		e.fail, e.failed = fmt.Errorf("start an event loop: %w", err), now
		return least
	}
	e.all = append(e.all, l)
	return l
}

// Close implements [Relay].
func (e *loops) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.all {
		l.close()
	}
}

// Start implements [Relay].
func (e *loops) Start(p Pair) Link {
	fds, ok := take(p.Client, p.Upstream)
	if !ok {
		return e.rest.Start(p)
	}
	now := time.Now()
	l := e.pick(now)
	c := &circuit{
		loop: l, owner: p.Owner, scanner: &packets.ConnackScanner{},
		limit: p.MaximumPacketSize, halfClose: uint32(min(cmp.Or(p.HalfCloseTimeout, defaultHalfClose).Milliseconds(), math.MaxUint32)),
	}
	for k, side := range [2]net.Conn{client: p.Client, upstream: p.Upstream} {
		c.sides[k].fd = fds[k]
		c.sides[k].tls = takeTLS(side)
	}
	c.sides[client].framer = p.UpFramer
	c.lastByte.Store(now.UnixNano())
	if err := l.start(c, p.Early); err != nil {
		c.Kill(causes[client].reset)
	}
	return c
}

// take takes both sockets from whoever has them, the runtime's poller or nobody, and reports
// whether it could: neither is taken where one can't be.
func take(client, upstream net.Conn) (fds [2]int32, ok bool) {
	for k, side := range [2]net.Conn{client, upstream} {
		if fds[k], ok = descriptor(side); !ok {
			if k == 1 {
				giveBack(client, fds[0])
			}
			return fds, false
		}
	}
	for _, side := range [2]net.Conn{client, upstream} {
		Socket(side).Close()
	}
	return fds, true
}

// descriptor returns a descriptor of the socket that c stands on, beside the one that it has.
func descriptor(c net.Conn) (fd int32, ok bool) {
	if t, secure := c.(*tls.Conn); secure {
		w, ok := t.NetConn().(*Wire)
		if !ok {
			return 0, false // nobody else can be fed
		}
		c = w.Conn
	}
	if g, ok := c.(interface{ Take() (fd int, ok bool) }); ok {
		fd, ok := g.Take()
		return int32(fd), ok
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	// Not File(), which would make the socket block.
	errDup := unix.EBADF
	dup := -1
	err = raw.Control(func(old uintptr) {
		n, err := unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
		if dup = n; err == nil {
			errDup = 0
		}
	})
	return int32(dup), err == nil && errDup == 0
}

// giveBack undoes descriptor.
func giveBack(c net.Conn, fd int32) {
	if g, ok := c.(interface{ Give(fd int) }); ok {
		g.Give(int(fd))
		return
	}
	unix.Close(int(fd))
}

// takeTLS returns what a loop needs of c to speak TLS; nil where it is in clear.
func takeTLS(c net.Conn) *secure {
	t, ok := c.(*tls.Conn)
	if !ok {
		return nil
	}
	w := t.NetConn().(*Wire)
	w.taken, w.Conn = true, nil
	return &secure{conn: t, wire: w}
}
