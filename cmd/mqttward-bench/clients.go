package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// clients are the devices, all in one process.
type clients struct {
	held []net.Conn
	raw  []int // descriptors of those held for round trips
	o    order // that made them
	next atomic.Int64
	live *live // nil: none
}

// serveClients is the clients' process: an outcome for each order, until the input ends.
func serveClients(in io.Reader, out io.Writer) error {
	c := &clients{}
	orders, outcomes := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		result, err := c.carryOut(o)
		if err != nil {
			result.Error = err.Error()
		}
		if err := outcomes.Encode(result); err != nil {
			return err
		}
	}
}

func (c *clients) carryOut(o order) (outcome, error) {
	switch o.Do {
	case doConnect:
		return c.connect(o)
	case doHold:
		return c.hold(o)
	case doEcho:
		return c.echo(o)
	case doRoundTrip:
		return c.roundTrip(o)
	case doStream:
		return c.stream()
	case doLive:
		c.live = startLive(c.held, o)
		return outcome{}, nil
	case doLap:
		return c.lap()
	case doStorm:
		return c.storm(o)
	case doKeep:
		return c.keep(o)
	case doProbe:
		return c.probe(o)
	case doRelease:
		c.release()
		return outcome{}, nil
	}
	return outcome{}, fmt.Errorf("unknown order %q", o.Do)
}

// workers is how many connects are under way at once. It is enough to keep two cores busy,
// and far from where a server would begin to queue.
const workers = 16

// each calls f for 0 to n-1, from so many goroutines, until one fails.
func each(n, goroutines int, f func(i int) error) error {
	var (
		wait sync.WaitGroup
		next atomic.Int64
		once sync.Once
		bad  error
	)
	for range min(n, goroutines) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					once.Do(func() { bad = fmt.Errorf("client %d of %d: %w", i+1, n, err) })
					next.Store(int64(n))
				}
			}
		})
	}
	wait.Wait()
	return bad
}

// tlsConfig returns how an order's clients speak TLS; nil is plain TCP. Nothing is kept for a
// resumption: each handshake is a full one.
func (o order) tlsConfig() (*tls.Config, error) {
	if o.Root == "" {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(o.Root)) {
		return nil, errors.New("the order's certificate can't be read")
	}
	return &tls.Config{
		RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS13,
		DynamicRecordSizingDisabled: true, // full records from the first on
	}, nil
}

// device returns the client of an order at a place of it, counted from 0.
func (c *clients) device(o *order, config *tls.Config, place int) device {
	d := device{order: o, tls: config, serial: int64(place)}
	if !o.Same {
		d.serial = c.next.Add(1)
	}
	return d
}

// hold opens connections and keeps them.
func (c *clients) hold(o order) (outcome, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return outcome{}, err
	}
	if !o.More {
		c.release()
	}
	before := len(c.held)
	c.o, c.held = o, append(c.held, make([]net.Conn, o.Count)...)
	start := time.Now()
	err = each(o.Count, workers, func(i int) error {
		d := c.device(&o, config, i)
		conn, code, err := d.connect()
		switch {
		case err != nil:
			return err
		case code != 0:
			conn.Close()
			return fmt.Errorf("refused with code %d", code)
		}
		c.held[before+i] = conn
		return nil
	})
	result := outcome{Done: o.Count, Seconds: time.Since(start).Seconds()}
	if err == nil && o.Raw {
		err = c.detach()
	}
	return result, err
}

// detach makes the connections held raw.
func (c *clients) detach() error {
	for i, conn := range c.held {
		tcp, ok := conn.(*net.TCPConn)
		if !ok {
			return errors.New("a TLS connection can't be raw")
		}
		c.held[i] = nil
		fd, err := detach(tcp)
		if err != nil {
			return err
		}
		c.raw = append(c.raw, fd)
	}
	c.held = nil
	return nil
}

// release closes what is held. By a reset: so many ends by a FIN would leave the ports in
// TIME_WAIT for those who come after.
func (c *clients) release() {
	if c.live != nil {
		c.live.end()
		c.live = nil
	}
	for _, fd := range c.raw {
		cut(fd)
	}
	for _, conn := range c.held {
		if conn != nil {
			reset(conn)
		}
	}
	c.held, c.raw = nil, nil
}

// reset closes a connection by a reset.
func reset(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	conn.Close()
}

// connect is the life of Count devices that have nothing to say.
func (c *clients) connect(o order) (outcome, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return outcome{}, err
	}
	var answered atomic.Int64
	start := time.Now()
	err = each(o.Count, workers, func(i int) error {
		d := c.device(&o, config, i)
		if !o.Refused {
			return d.comeAndGo()
		}
		code, err := d.beRefused()
		if code != 0 {
			answered.Add(1)
		}
		return err
	})
	return outcome{Done: o.Count, Answered: int(answered.Load()), Seconds: time.Since(start).Seconds()}, err
}
