//go:build linux

package main_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// forwarder is an address of the broker that can go down and come back.
type forwarder struct {
	t       *testing.T
	address string
	to      string
	running sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while it is down
	conns    map[net.Conn]bool
}

// startForwarder listens on an IP address that nothing connects from, so that the port stays free
// while it is down.
func startForwarder(t *testing.T, ip, to string) *forwarder {
	t.Helper()
	f := &forwarder{t: t, address: net.JoinHostPort(ip, "0"), to: to, conns: map[net.Conn]bool{}}
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

// down closes the listener and every connection, and returns how many there were.
func (f *forwarder) down() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		f.listener.Close()
		f.listener = nil
	}
	for conn := range f.conns {
		conn.Close()
	}
	return len(f.conns) / 2
}

func (f *forwarder) forward(l net.Listener, front net.Conn) {
	defer front.Close()
	back, err := net.Dial("tcp", f.to)
	if err != nil {
		return
	}
	defer back.Close()
	if !f.keep(l, front, back) {
		return
	}
	var up sync.WaitGroup
	up.Go(func() { pass(back, front) })
	pass(front, back)
	up.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, front)
	delete(f.conns, back)
}

// keep notes a pair, unless the listener that took it is closed.
func (f *forwarder) keep(l net.Listener, front, back net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != l {
		return false
	}
	f.conns[front], f.conns[back] = true, true
	return true
}

// pass copies one direction, its end included.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}
