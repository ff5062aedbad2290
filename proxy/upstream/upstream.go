// Package upstream reaches the broker: one logical broker, at one or more addresses.
//
// [Balance] says which address a client goes to, and a failed one moves on to the next within the
// same CONNECT; so does one that takes the connection and ends it before it answers the CONNECT
// (see [Connection.Next]). An address that failed rests: for a second, and for twice as long each time up to
// half a minute. Then one client finds out whether it is back. What is back gets a tenth of its
// share of clients at first, and all of it after as long as it was away, 10 s at most. Where every
// address rests, they are tried all the same. [Checks] find out without clients; an address whose
// checks fail rests until they don't. Without checks [Pool.Run] tries addresses that have rested while
// every one of them fails: where clients are sent elsewhere meanwhile, none would find out.
//
// Nothing is read from or written to a connection here but TLS, and a PROXY header before that: what
// the broker sees first otherwise is what the caller sends.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"mqttward/proxy/relay"
)

// Options describe the broker.
type Options struct {
	// Addresses are "host:port" or "unix:/path", 1 to 256.
	Addresses []string
	// Balance says which of them a client is sent to.
	Balance Balance
	// Before is the pool that this one takes the place of: what is known of addresses that both
	// have is kept. Nil means that there is none.
	Before *Pool
	// TLS is how the broker is spoken to; nil means in clear. Where its ServerName is empty,
	// the host of the address is what the certificate must name.
	TLS *tls.Config
	// SourceAddresses are those of this machine that connections come from, in turn, up to 64; one
	// that has no port left is passed over. Every address that is an IP address needs one of its
	// family; beside a name they should all be of one. None leaves the choice to the system.
	SourceAddresses []netip.Addr
	// SourcePorts is how many ports a source address has for each address, to be warned before
	// they end. Zero means that it is not known.
	SourcePorts int
	// ProxyProtocol is what the broker is told of a client.
	ProxyProtocol ProxyProtocol
	// Checks say how the addresses are looked after, by [Pool.Run].
	Checks Checks
	// DialTimeout bounds one Dial, all of its tries and the TLS handshake included. Zero
	// means 5 s.
	DialTimeout time.Duration
	// KeepAlive is the TCP keep-alive of the connections; the zero value is that of package net.
	KeepAlive net.KeepAliveConfig
	// Observer is told of each try. Nil means that nobody is.
	Observer Observer
	// Log is told when an address begins to fail, and when it answers again. Nil means
	// slog.Default().
	Log *slog.Logger
}

// Pool dials the broker. It is safe for concurrent use, and holds nothing that needs to be
// closed.
type Pool struct {
	targets  []target
	balance  Balance
	turn     *atomic.Uint64 // counts those who go round
	proxy    ProxyProtocol
	checks   Checks
	timeout  time.Duration
	observer Observer // or nil
	log      *slog.Logger
	dialer   net.Dialer
}

// ErrUnavailable is wrapped by every error of [Pool.Dial] and [Connection.Next]: no address could be
// reached, or none that was has answered.
var ErrUnavailable = errors.New("no upstream is available")

// New checks o and returns its pool. It dials nothing.
func New(o Options) (*Pool, error) {
	if len(o.Addresses) == 0 {
		return nil, errors.New("upstream: no address")
	}
	if len(o.Addresses) > maxAddresses {
		return nil, fmt.Errorf("upstream: %d addresses: %d are the most", len(o.Addresses), maxAddresses)
	}
	if len(o.SourceAddresses) > maxOrigins {
		return nil, fmt.Errorf("upstream: %d source addresses: %d are the most", len(o.SourceAddresses), maxOrigins)
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	p := &Pool{balance: o.Balance, turn: &atomic.Uint64{}, proxy: o.ProxyProtocol, checks: o.Checks.withDefaults(), timeout: o.DialTimeout, observer: o.Observer, log: o.Log, dialer: net.Dialer{KeepAliveConfig: o.KeepAlive}}
	for _, name := range o.Addresses {
		t, err := newTarget(name, o.TLS)
		if err != nil {
			return nil, err
		}
		if err := t.setOrigins(o.SourceAddresses, o.SourcePorts); err != nil {
			return nil, err
		}
		p.targets = append(p.targets, t)
	}
	if o.Before != nil {
		p.inherit(o.Before)
	}
	return p, nil
}

// inherit keeps what an earlier pool knows of the addresses.
func (p *Pool) inherit(before *Pool) {
	p.turn = before.turn
	for i := range p.targets {
		p.targets[i].inherit(before)
	}
}

func (t *target) inherit(before *Pool) {
	if i := slices.IndexFunc(before.targets, func(b target) bool { return b.Name == t.Name }); i >= 0 {
		t.Address = before.targets[i].Address
	}
}

// Client is whom the broker is dialled for.
type Client struct {
	// ID is its client id; empty where it has none.
	ID []byte
	// Conn is the client's connection, of which nothing is read: TLS where it speaks that. It may
	// be nil where there is no PROXY protocol.
	Conn net.Conn
	// Peer is the client's address; the zero value where it has none.
	Peer netip.AddrPort
	// Local is the address that the client connected to; the zero value means that of Conn.
	Local netip.AddrPort
	// Identity is the name that was proven; empty where none was.
	Identity string
}

func (p *Pool) dialOne(ctx context.Context, t *target, share time.Duration, header []byte) (net.Conn, error) {
	// An address on the same machine answers at once: then there is nothing to be timed.
	conn, later, err := p.connect(t)
	if err == nil && later == nil && t.tls == nil {
		return conn, nil
	}
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	if later != nil {
		conn, err = later(ctx)
	}
	if err != nil || t.tls == nil {
		return conn, cause(err)
	}
	if err := sendHeader(ctx, conn, header); err != nil {
		conn.Close()
		return nil, err
	}
	secure := tls.Client(relay.NewWire(conn), t.tls) // the relay takes the socket from below TLS
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", errHandshake, err)
	}
	return secure, nil
}

// sendHeader sends what goes before TLS.
func sendHeader(ctx context.Context, conn net.Conn, header []byte) error {
	if len(header) == 0 {
		return nil
	}
	if by, ok := ctx.Deadline(); ok {
		conn.SetWriteDeadline(by)
	}
	if _, err := conn.Write(header); err != nil {
		return fmt.Errorf("send the PROXY header: %w", err)
	}
	return conn.SetWriteDeadline(time.Time{})
}

// cause strips the operation and the address from a dial error: Dial names them already.
func cause(err error) error {
	if err == nil {
		return nil
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return op.Err
	}
	return err
}
