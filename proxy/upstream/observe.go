package upstream

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Observer is told of tries to reach an address, so that they can be counted. Dialled is called by
// many goroutines at once while clients wait: it must return at once.
type Observer interface {
	// Dialled tells how long a try took, TLS included, and how it ended. A try that was given up
	// because nobody wants its connection any more is not told. An address that was Reached and did
	// not answer the CONNECT is told a second time, as Unanswered.
	Dialled(took time.Duration, f Failure)
}

// Failure says in a word why an address could not be reached.
type Failure uint8

// The failures. The zero value is none.
const (
	Reached     Failure = iota
	Refused             // nobody listens there
	TimedOut            // it did not answer in its share of dial_timeout
	Unreachable         // there is no way to it
	Unresolved          // its name has no address
	Handshake           // TLS failed
	NoPort              // the source addresses have no port left, or are not this machine's
	Unanswered          // it was reached, and ended the connection before it answered the CONNECT
	Failed              // anything else
	numFailures
)

// String returns the failure's word, as it stands in metrics; "none" for Reached.
func (f Failure) String() string {
	return [numFailures]string{"none", "refused", "timeout", "unreachable", "lookup", "tls", "no_port", "no_answer", "other"}[f]
}

// Failures returns every failure but Reached.
func Failures() []Failure {
	var all []Failure
	for f := Reached + 1; f < numFailures; f++ {
		all = append(all, f)
	}
	return all
}

// errHandshake is wrapped by the errors of TLS.
var errHandshake = errors.New("TLS handshake")

// failureOf tells what an error of a try is.
func failureOf(err error) Failure {
	var lookup *net.DNSError
	switch {
	case err == nil:
		return Reached
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return TimedOut
	case errors.As(err, &lookup):
		return Unresolved
	case errors.Is(err, errHandshake):
		return Handshake
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT): // a socket's path
		return Refused
	case noPort(err):
		return NoPort
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	}
	return Failed
}

// try dials one address, and tells the observer.
func (p *Pool) try(ctx context.Context, t *target, now time.Time, share time.Duration, header []byte) (Connection, error) {
	c := Connection{Address: t.Address, began: now}
	var err error
	c.Conn, err = p.dialOne(ctx, t, share, header)
	if t.tls == nil { // or else it was sent
		c.Header = header
	}
	if p.observer != nil && !errors.Is(err, context.Canceled) {
		p.observer.Dialled(time.Since(c.began), failureOf(err))
	}
	return c, err
}

// Status is what is known of an address from the tries to reach it.
type Status struct {
	// Address is as configured.
	Address string
	// FailedAt is when the last try failed; zero where it succeeded, or there was none.
	FailedAt time.Time
}

// Up reports whether the last try did not fail.
func (s Status) Up() bool { return s.FailedAt.IsZero() }

// Status returns what is known of each address, in their order.
func (p *Pool) Status() []Status {
	all := make([]Status, len(p.targets))
	for i, t := range p.targets {
		all[i] = Status{Address: t.Name, FailedAt: t.health.failedAt()}
	}
	return all
}
