//go:build linux

package main_test

import (
	"bufio"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// forwarder is an address of the broker that can go down and come back. Like the broker's node that
// it stands for it speaks plain TCP and TLS.
type forwarder struct {
	t       *testing.T
	address string
	to      *soakBroker
	running sync.WaitGroup

	plain, secure atomic.Int64 // connections so far

	mu       sync.Mutex
	listener net.Listener // nil while it is down
	conns    map[net.Conn]bool
}

// startForwarder listens on an address that nothing connects from, so that the port stays free while
// it is down.
func startForwarder(t *testing.T, address string, to *soakBroker) *forwarder {
	t.Helper()
	f := &forwarder{t: t, address: address, to: to, conns: map[net.Conn]bool{}}
	f.up()
	t.Cleanup(func() {
		f.down()
		f.running.Wait()
	})
	return f
}

// up listens.
func (f *forwarder) up() {
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		f.t.Errorf("an address of the broker does not come back: %v", err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.address, f.listener = l.Addr().String(), l
	f.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.running.Go(func() { f.forward(l, conn) })
		}
	})
}

// down closes the listener and every connection, and returns how many of them had reached the broker.
func (f *forwarder) down() (cut int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		f.listener.Close()
		f.listener = nil
	}
	for conn, front := range f.conns {
		conn.Close()
		if front {
			cut++
		}
	}
	return cut
}

func (f *forwarder) forward(l net.Listener, front net.Conn) {
	if !f.keep(l, front, true) {
		return
	}
	defer f.drop(front)
	in := bufio.NewReaderSize(front, 16)
	first, err := in.Peek(1)
	if err != nil {
		return
	}
	to, count := f.to.plain, &f.plain
	if first[0] == 0x16 { // a TLS handshake
		to, count = f.to.secure, &f.secure
	}
	leave := f.to.queue.enter()
	defer leave()
	back, err := net.Dial("tcp", to)
	if err != nil {
		f.t.Errorf("the broker: %v", err)
		return
	}
	if !f.keep(l, back, false) {
		return
	}
	defer f.drop(back)
	count.Add(1)
	held, _ := in.Peek(in.Buffered())
	if _, err := back.Write(held); err != nil {
		return
	}
	var up sync.WaitGroup
	up.Go(func() { pass(back, front) })
	answer := make([]byte, 512)
	n, _ := back.Read(answer)
	leave()
	_, _ = front.Write(answer[:n])
	pass(front, back)
	up.Wait()
}

// keep notes a connection, or closes it where the listener that its client came by is closed.
func (f *forwarder) keep(l net.Listener, conn net.Conn, front bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != l {
		conn.Close()
		return false
	}
	f.conns[conn] = front
	return true
}

func (f *forwarder) drop(conn net.Conn) {
	conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}

// queue is for whoever wants to connect to the broker, until it answers. Mosquitto lets a hundred
// connections wait to be accepted, and the system resets others.
type queue chan struct{}

func newQueue() queue { return make(queue, 64) }

// enter waits for a place, and returns what gives it back.
func (q queue) enter() (leave func()) {
	q <- struct{}{}
	return sync.OnceFunc(func() { <-q })
}

// pass copies one direction, its end included.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}
