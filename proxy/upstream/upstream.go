// Package upstream reaches the broker: one logical broker, at one or more addresses.
//
// Addresses are tried in their order, and a failed one moves on to the next within the same
// CONNECT. Nothing is read from or written to a connection here, TLS aside: what the broker
// sees first is the client's CONNECT.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"mqttward/proxy/relay"
)

// Options describe the broker.
type Options struct {
	// Addresses are "host:port" or "unix:/path", at least one.
	Addresses []string
	// TLS is how the broker is spoken to; nil means in clear. Where its ServerName is empty,
	// the host of the address is what the certificate must name.
	TLS *tls.Config
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
	timeout  time.Duration
	observer Observer // or nil
	log      *slog.Logger
	dialer   net.Dialer
}

// target is one address, split once.
type target struct {
	name             string // as configured
	network, address string
	numeric          netip.AddrPort // the same, where it needs no look-up
	tls              *tls.Config
	failed           *atomic.Int64 // when its last try did, in nanoseconds of Unix time; 0: it succeeded
}

// ErrUnavailable is wrapped by every error of [Pool.Dial]: no address could be reached.
var ErrUnavailable = errors.New("no upstream is available")

// New checks o and returns its pool. It dials nothing.
func New(o Options) (*Pool, error) {
	if len(o.Addresses) == 0 {
		return nil, errors.New("upstream: no address")
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	p := &Pool{timeout: o.DialTimeout, observer: o.Observer, log: o.Log, dialer: net.Dialer{KeepAliveConfig: o.KeepAlive}}
	for _, name := range o.Addresses {
		t, err := newTarget(name, o.TLS)
		if err != nil {
			return nil, err
		}
		p.targets = append(p.targets, t)
	}
	return p, nil
}

func newTarget(name string, conf *tls.Config) (target, error) {
	t := target{name: name, network: "tcp", address: name, failed: &atomic.Int64{}}
	host := ""
	if path, ok := strings.CutPrefix(name, "unix:"); ok {
		t.network, t.address = "unix", path
		if path == "" {
			return t, fmt.Errorf("upstream address %q: no path", name)
		}
	} else {
		var err error
		if host, _, err = net.SplitHostPort(name); err != nil {
			return t, fmt.Errorf("upstream address %q: %w", name, err)
		}
		t.numeric, _ = netip.ParseAddrPort(name)
	}
	if conf == nil {
		return t, nil
	}
	t.tls = conf.Clone()
	if t.tls.ServerName == "" {
		if host == "" {
			return t, fmt.Errorf("upstream address %q: TLS wants a server name", name)
		}
		t.tls.ServerName = host
	}
	return t, nil
}

// Dial connects to the first address that can be reached, and returns its name too. Each
// try may take its share of the time that is left, so that one silent address leaves time
// for the others. The error wraps [ErrUnavailable] and tells what every address said.
func (p *Pool) Dial(ctx context.Context) (net.Conn, string, error) {
	deadline := time.Now().Add(p.timeout)
	var tries failures
	for i := range p.targets {
		t := &p.targets[i]
		share := time.Until(deadline) / time.Duration(len(p.targets)-i)
		conn, err := p.try(ctx, t, share)
		if err == nil {
			if t.failed.Swap(0) != 0 {
				p.log.Info("the upstream address answers again", "upstream", t.name)
			}
			return conn, t.name, nil
		}
		if !errors.Is(err, context.Canceled) && t.failed.Swap(time.Now().UnixNano()) == 0 {
			p.log.Warn("the upstream address fails", "upstream", t.name, "error", err)
		}
		tries = append(tries, fmt.Errorf("dial upstream %s: %w", t.name, err))
		if ctx.Err() != nil || !time.Now().Before(deadline) {
			break
		}
	}
	return nil, "", fmt.Errorf("%w: %w", ErrUnavailable, tries)
}

// failures are what the addresses said, in one line.
type failures []error

func (f failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (f failures) Unwrap() []error { return f }

func (p *Pool) dialOne(ctx context.Context, t *target, share time.Duration) (net.Conn, error) {
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
	secure := tls.Client(relay.NewWire(conn), t.tls) // the relay takes the socket from below TLS
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", errHandshake, err)
	}
	return secure, nil
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
