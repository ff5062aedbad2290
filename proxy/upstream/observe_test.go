package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// tries is an observer that remembers.
type tries struct {
	mu  sync.Mutex
	all []Failure
}

func (o *tries) Dialled(took time.Duration, f Failure) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if took <= 0 {
		f = numFailures
	}
	o.all = append(o.all, f)
}

func TestObserverSeesEachTry(t *testing.T) {
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it answers no TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	talking, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer talking.Close()
	go func() {
		for {
			c, err := talking.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
			c.Close()
		}
	}()
	for _, tc := range []struct {
		name, address string
		tls           *tls.Config
		want          Failure
	}{
		{"reached", broker.Addr(), nil, Reached},
		{"nobody listens", proxytest.FreeAddress(t), nil, Refused},
		{"no socket", "unix:/nonexistent/broker.sock", nil, Refused},
		{"no TLS", talking.Addr().String(), &tls.Config{}, Handshake},
		{"silent TLS", silent.Addr().String(), &tls.Config{}, TimedOut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &tries{}
			timeout := time.Minute
			if tc.want == TimedOut {
				timeout = 300 * time.Millisecond
			}
			p, err := New(Options{Addresses: []string{tc.address}, TLS: tc.tls, DialTimeout: timeout, Observer: o})
			if err != nil {
				t.Fatal(err)
			}
			if conn, err := p.Dial(context.Background(), Client{}); err == nil {
				conn.Conn.Close()
			}
			if len(o.all) != 1 || o.all[0] != tc.want {
				t.Errorf("got %v, want %v", o.all, tc.want)
			}
			s := p.Status()
			if len(s) != 1 || s[0].Address != tc.address || s[0].Up() != (tc.want == Reached) || !s[0].Up() && time.Since(s[0].FailedAt) > time.Minute {
				t.Errorf("status: got %+v after %v", s, tc.want)
			}
		})
	}
}

// An address that answers again is up again.
func TestStatusFollowsTheTries(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	p, err := New(Options{Addresses: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	if !p.Status()[0].Up() {
		t.Error("it is down before it was tried")
	}
	if _, err := p.Dial(t.Context(), Client{}); err == nil || p.Status()[0].Up() {
		t.Errorf("nobody listens: got %v, %+v", err, p.Status())
	}
	if l, err = net.Listen("tcp", address); err != nil {
		t.Skip(err) // somebody else has the port
	}
	defer l.Close()
	reached, err := p.Dial(t.Context(), Client{})
	if err != nil {
		t.Fatalf("it listens again: %v", err)
	}
	if reached.Settle(true); !p.Status()[0].Up() {
		t.Errorf("it listens again: %+v", p.Status())
	}
	reached.Conn.Close()
}

// A try that nobody waits for any more says nothing about the address.
func TestObserverHearsNothingOfWhatWasGivenUp(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := &tries{}
	p, err := New(Options{Addresses: []string{silent.Addr().String()}, TLS: &tls.Config{}, Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := p.Dial(ctx, Client{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Dial: got %v, want %v", err, context.Canceled)
	}
	if len(o.all) != 0 || !p.Status()[0].Up() {
		t.Errorf("got %v and %+v, want nothing", o.all, p.Status())
	}
}

func TestFailuresOfTheNetwork(t *testing.T) {
	for err, want := range map[error]Failure{
		syscall.EHOSTUNREACH: Unreachable, syscall.ENETUNREACH: Unreachable, syscall.ECONNREFUSED: Refused,
		&net.DNSError{IsNotFound: true}: Unresolved, syscall.ETIMEDOUT: TimedOut, syscall.EADDRNOTAVAIL: NoPort, syscall.EPERM: Failed,
	} {
		if got := failureOf(&net.OpError{Op: "dial", Err: err}); got != want {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
}
