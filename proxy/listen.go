package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// KeepAlive is the TCP keep-alive of both sides of a session: a peer that vanished is found
// after two minutes of silence, whatever MQTT's own keep alive says.
func KeepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: 60 * time.Second, Interval: 15 * time.Second, Count: 4}
}

// Listener is where clients come in.
type Listener struct {
	net.Listener
	// Name tells the listeners apart in logs.
	Name string
	// Secure listeners speak TLS as the policy has it for their name; where it has nothing, they
	// close every connection.
	Secure bool
}

// Network is the network, as package net names it, of a listener at bind: that of IPv4 for every
// address of it, "0.0.0.0". For "tcp" that is every IPv6 address as well, of which whoever writes it does
// not think, nor perhaps the rules of a firewall.
func Network(bind string) string {
	if host, _, err := net.SplitHostPort(bind); err == nil && host == netip.IPv4Unspecified().String() {
		return "tcp4"
	}
	return "tcp"
}

// Listen opens the TCP address bind, such as "0.0.0.0:1883", for MQTT.
func Listen(ctx context.Context, bind string) (net.Listener, error) {
	return listen(ctx, bind, nil)
}

// ListenShared is [Listen] for an address at which other processes of the same user listen too,
// all of them by ListenShared. Linux spreads new clients over them. Where the system has no
// SO_REUSEPORT it fails.
func ListenShared(ctx context.Context, bind string) (net.Listener, error) {
	return listen(ctx, bind, reusePort)
}

// listen opens bind; control, where there is one, prepares the socket before it is bound.
func listen(ctx context.Context, bind string, control func(network, address string, c syscall.RawConn) error) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: KeepAlive(), Control: control}
	// A multipath socket costs more per connection and can't leave the runtime's poller.
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(ctx, Network(bind), bind)
	if err != nil {
		return nil, err
	}
	return own(l.(*net.TCPListener))
}

// Inherit returns the listener of a TCP socket that somebody else has opened, and that f holds. It
// has a descriptor of its own: f stays the caller's.
func Inherit(f *os.File) (net.Listener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	t, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("%s is no TCP socket", l.Addr())
	}
	if err := checkListens(t); err != nil {
		l.Close()
		return nil, err
	}
	return own(t)
}

// Duplicate returns another descriptor of l, which [Listen] or [Inherit] has returned. Both are the
// same socket: closing one leaves the other, and whoever waits to be accepted.
func Duplicate(l net.Listener) (*os.File, error) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	return duplicate(raw)
}
