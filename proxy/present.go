package proxy

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/upstream"
)

// The CONNECT goes to one address after another until one keeps the client. What is in front of a
// broker, or a broker with too many clients, often takes every connection and only then finds that it
// can't serve it: a dial that succeeds says little.
//
// A CONNECT that a broker may have acted upon must not be acted upon by a second one. One that was not
// written whole can't have been. One that was, and whose connection ended without a byte from the
// broker, was not accepted: a broker sends its CONNACK before all else [MQTT5 3.2.0-1], and what it
// sends before it closes arrives before the close. (A reset may overtake a CONNACK that was lost on
// the way. Then the next address does what the client itself would have brought about, which is told
// nothing by such an end and comes again: it takes the session over.) What a client sends behind its
// CONNECT it would not repeat, so as long as another address could be tried it is held back until
// the broker answers, which may not act upon it before that either [MQTT5 3.1.4-6].

// hello is what the broker is sent first.
type hello struct {
	all []byte // the CONNECT, and what the client sent behind it
	n   int    // of the CONNECT
	own bool   // it is no part of what was read
}

// hello returns the CONNECT, as it came or rewritten, and what followed it.
func (c *connection) hello(connect *packets.Connect, all []byte, n int) hello {
	if connect == &c.connect {
		return hello{all: all, n: n}
	}
	out := make([]byte, 0, len(all)+len(connect.UserName)+len(connect.Password))
	out = packets.AppendConnect(out, connect)
	return hello{all: append(out, all[n:]...), n: len(out), own: true}
}

// wipe forgets the credentials in it; what was read is wiped by whoever read it.
func (h *hello) wipe() {
	if h.own {
		clear(h.all)
	}
}

// present sends h to the broker at the address that was reached, or at another one where that ends
// the connection before it answers. It returns the connection that keeps the client, and what the
// broker has said already.
func (c *connection) present(s *session, to upstream.Connection, h hello) (upstream.Connection, []byte, *refusal) {
	for {
		a := c.ask(&to, h)
		if a.err == nil {
			to.Settle(len(a.first) > 0)
			return to, a.first, nil
		}
		if a.heard {
			to.Conn.Close()
			to.Address.Release()
			return to, nil, &refusal{reason: auth.UpstreamUnavailable, err: a.err}
		}
		ctx := c.step(0)
		next, err := to.Next(ctx, a.err, a.sent)
		over := ctx.Err() != nil
		ctx.end()
		switch {
		case err == nil:
		case over:
			return to, nil, &refusal{reason: auth.ShuttingDown}
		default:
			return to, nil, &refusal{reason: auth.UpstreamUnavailable, err: err}
		}
		to = next
		c.address = to.Address
		s.upstream.Store(to.Address)
		c.tellWaits(c.pass, to.Conn)
		c.srv.roster.exchange(c, to.Conn)
	}
}

// asked is what became of a CONNECT at one address.
type asked struct {
	first []byte // of the answer
	err   error
	// After an error: something was sent, and the broker may have acted upon it, so that nobody
	// else must be asked.
	sent, heard bool
}

// ask sends h. Where the CONNECT could be sent to another address it waits for the answer's
// beginning, for a while.
func (c *connection) ask(to *upstream.Connection, h hello) asked {
	until, spare := to.Spare()
	if spare {
		// Each holds a goroutine and its CONNECT, as a handshake does.
		spare = c.srv.asking.Add(1) <= int64(c.policy.Limits.MaxHandshakes)
		defer c.srv.asking.Add(-1)
	}
	first := h.all
	if spare {
		first = h.all[:h.n]
	}
	c.presented = time.Now()
	n, err := sendFirst(to, first, c.presented)
	if err != nil || !spare {
		return asked{err: err, sent: n > 0, heard: n >= len(to.Header)+h.n}
	}
	if by := c.presented.Add(c.policy.Limits.ConnackTimeout); by.Before(until) {
		until = by
	}
	c.pass()
	answer, err := firstOf(to.Conn, until)
	if err != nil || len(h.all) == h.n {
		return asked{first: answer, err: err, sent: true}
	}
	_, err = send(to.Conn, h.all[h.n:], time.Now())
	return asked{first: answer, err: err, sent: true, heard: true}
}

// sendFirst sends p. The header that the broker wants before it goes in the same write.
func sendFirst(to *upstream.Connection, p []byte, now time.Time) (int, error) {
	if len(to.Header) > 0 {
		p = slices.Concat(to.Header, p)
		defer clear(p)
	}
	return send(to.Conn, p, now)
}

// connectWriteTimeout bounds the write of CONNECT to a broker that was reached: the kernel
// takes it at once, unless it is large and the broker slow.
const connectWriteTimeout = 5 * time.Second

func send(conn net.Conn, p []byte, now time.Time) (int, error) {
	conn.SetWriteDeadline(now.Add(connectWriteTimeout))
	n, err := conn.Write(p)
	if err != nil {
		return n, fmt.Errorf("send CONNECT: %w", bare(err))
	}
	return n, conn.SetWriteDeadline(time.Time{})
}

// answerSize is what is read of an answer, which most CONNACKs fit; the relay has the rest.
const answerSize = 256

// firstOf waits for the first bytes of the broker, and returns none where none came in time. The
// error says that none will.
func firstOf(conn net.Conn, until time.Time) ([]byte, error) {
	conn.SetReadDeadline(until)
	buf := make([]byte, answerSize)
	n, err := conn.Read(buf)
	if n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("it ended before it answered the CONNECT: %w", bare(err))
	}
	conn.SetReadDeadline(time.Time{})
	return buf[:n], nil // an error behind them comes again
}

// bare is an error of package net without the addresses.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
