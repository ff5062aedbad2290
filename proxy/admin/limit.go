package admin

import (
	"context"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// limited is a listener with a bound on the connections that are open: who asks how the proxy is
// must not take the descriptors of its clients. Where there are as many, the one that is open
// longest and is not being answered gives way to a new one: who holds connections for nothing must
// not keep whoever asks whether we are alive from an answer.
type limited struct {
	net.Listener
	most   int
	freed  chan struct{} // has an element where a place may have become free
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open []*placed // in the order in which they came
}

func limit(l net.Listener, most int) net.Listener {
	return &limited{Listener: l, most: most, freed: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Accept returns a connection that has a place. Where all others are being answered it waits for
// one, and the kernel's backlog is the queue.
func (l *limited) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	p := &placed{Conn: conn, listener: l}
	for !l.enter(p) {
		select {
		case <-l.freed:
		case <-l.closed:
			conn.Close()
			return nil, net.ErrClosed
		}
	}
	return p, nil
}

// enter gives p a place, if need be that of another, and reports whether it has one.
func (l *limited) enter(p *placed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) >= l.most {
		at := slices.IndexFunc(l.open, func(o *placed) bool { return !o.answered.Load() })
		if at < 0 {
			return false
		}
		l.open[at].Conn.Close()
		l.open = slices.Delete(l.open, at, at+1)
	}
	l.open = append(l.open, p)
	return true
}

// leave gives the place of p back, where it has one yet.
func (l *limited) leave(p *placed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.open, p)
	if at < 0 {
		return
	}
	l.open = slices.Delete(l.open, at, at+1)
	select {
	case l.freed <- struct{}{}:
	default:
	}
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// placed is a connection that holds a place until it is closed, or gives way.
type placed struct {
	net.Conn
	listener *limited
	answered atomic.Bool // right now: it does not give way
}

func (p *placed) Close() error {
	err := p.Conn.Close()
	p.listener.leave(p)
	return err
}

// placeKey is where the context of a request has its connection.
type placeKey struct{}

func withPlace(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, placeKey{}, c)
}

// answering says that the connection of a request is being answered, until the function that it
// returns is called.
func answering(ctx context.Context) (over func()) {
	p, ok := ctx.Value(placeKey{}).(*placed)
	if !ok {
		return func() {} // it came by no listener of ours
	}
	p.answered.Store(true)
	return func() { p.answered.Store(false) }
}
