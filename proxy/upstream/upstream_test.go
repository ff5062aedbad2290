package upstream_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/upstream"
)

func newPool(t *testing.T, o upstream.Options) *upstream.Pool {
	t.Helper()
	p, err := upstream.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// dial dials for a client that has no id.
func dial(ctx context.Context, p *upstream.Pool) (net.Conn, string, error) {
	c, err := p.Dial(ctx, upstream.Client{})
	if err != nil {
		return nil, "", err
	}
	c.Settle(true)
	return c.Conn, c.Address.Name, nil
}

func TestDialGoesOnToTheNextAddress(t *testing.T) {
	proxytest.CheckLeaks(t)
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	p := newPool(t, upstream.Options{Addresses: []string{proxytest.FreeAddress(t), broker.Addr()}})
	conn, address, err := dial(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if address != broker.Addr() {
		t.Errorf("address: got %s, want %s", address, broker.Addr())
	}
}

// An address that fails is told once, and that it answers again too.
func TestFailingAddressIsLogged(t *testing.T) {
	log := &proxytest.Log{}
	address := proxytest.FreeAddress(t)
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	p := newPool(t, upstream.Options{Addresses: []string{address, broker.Addr()}, Log: slog.New(slog.NewTextHandler(log, nil))})
	dial := func() {
		conn, _, err := dial(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	dial()
	dial()
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "the upstream address fails") || !strings.Contains(got, address) {
		t.Errorf("log: got %q, want one line about %s", got, address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	defer l.Close()
	proxytest.Eventually(t, "the address answers again", func() bool { // when it has rested
		dial()
		return strings.Contains(log.String(), "answers again")
	})
}

func TestDialTellsWhatEveryAddressSaid(t *testing.T) {
	a, b := proxytest.FreeAddress(t), proxytest.FreeAddress(t)
	p := newPool(t, upstream.Options{Addresses: []string{a, b}})
	_, _, err := dial(t.Context(), p)
	if !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	for _, want := range []string{"dial upstream " + a, "dial upstream " + b, "connection refused"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
}

// An address that never answers leaves time for the next one.
func TestDialLeavesTimeForTheOthers(t *testing.T) {
	proxytest.CheckLeaks(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing: no TLS comes
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ca := proxytest.NewCA(t, "broker")
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{
		TLS: &tls.Config{Certificates: []tls.Certificate{ca.Issue("broker")}},
	})
	p := newPool(t, upstream.Options{
		Addresses:   []string{silent.Addr().String(), broker.Addr()},
		TLS:         &tls.Config{RootCAs: ca.Pool()},
		DialTimeout: 6 * time.Second,
	})
	begun := time.Now()
	conn, address, err := dial(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if took := time.Since(begun); address != broker.Addr() || took > 20*time.Second {
		t.Errorf("got %s after %v, want %s within 6s", address, took, broker.Addr())
	}
}

func TestDialTimeoutIsTheSumOfAllTries(t *testing.T) {
	proxytest.CheckLeaks(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	addresses := []string{silent.Addr().String(), silent.Addr().String(), silent.Addr().String()}
	p := newPool(t, upstream.Options{Addresses: addresses, TLS: &tls.Config{}, DialTimeout: 300 * time.Millisecond})
	begun := time.Now()
	if _, _, err := dial(t.Context(), p); !errors.Is(err, upstream.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if took := time.Since(begun); took < 290*time.Millisecond || took > 20*time.Second {
		t.Errorf("took %v, want 300ms", took)
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	proxytest.CheckLeaks(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	p := newPool(t, upstream.Options{Addresses: []string{silent.Addr().String()}, TLS: &tls.Config{}, DialTimeout: time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, _, err := dial(ctx, p); err == nil {
		t.Error("Dial succeeded")
	}
}

func TestDialUnixSocket(t *testing.T) {
	proxytest.CheckLeaks(t)
	path := filepath.Join(t.TempDir(), "broker.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newPool(t, upstream.Options{Addresses: []string{"unix:" + path}})
	conn, address, err := dial(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if address != "unix:"+path {
		t.Errorf("address: got %s", address)
	}
}

func TestTLSToTheBroker(t *testing.T) {
	proxytest.CheckLeaks(t)
	ca, other := proxytest.NewCA(t, "broker"), proxytest.NewCA(t, "other")
	ours := ca.Issue("mqttward")
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{TLS: &tls.Config{
		Certificates: []tls.Certificate{ca.Issue("broker")},
		ClientCAs:    ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}})
	_, port, _ := net.SplitHostPort(broker.Addr())
	for _, test := range []struct {
		name, address string
		conf          *tls.Config
		fails         bool // the handshake, as far as we see it
		cut           bool // the broker ends it afterwards: TLS 1.3 tells a client late
	}{
		{"with our certificate", "127.0.0.1:" + port, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{ours}}, false, false},
		{"by another name that it has", "127.0.0.1:" + port, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{ours}, ServerName: "localhost"}, false, false},
		{"by a name that it has not", "127.0.0.1:" + port, &tls.Config{RootCAs: ca.Pool(), Certificates: []tls.Certificate{ours}, ServerName: "broker.example"}, true, false},
		{"of another authority", "127.0.0.1:" + port, &tls.Config{RootCAs: other.Pool(), Certificates: []tls.Certificate{ours}}, true, false},
		{"without our certificate", "127.0.0.1:" + port, &tls.Config{RootCAs: ca.Pool()}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPool(t, upstream.Options{Addresses: []string{test.address}, TLS: test.conf})
			conn, _, err := dial(t.Context(), p)
			if (err != nil) != test.fails {
				t.Fatalf("Dial: got %v, want failure: %v", err, test.fails)
			}
			if err != nil {
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			// A CONNECT that is answered shows that the broker took us.
			if _, err := conn.Write([]byte{0x10, 13, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 1, 'c'}); err != nil && !test.cut {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, make([]byte, 4)); (err != nil) != test.cut {
				t.Errorf("read: got %v, want failure: %v", err, test.cut)
			}
		})
	}
}

func TestBadAddresses(t *testing.T) {
	for name, o := range map[string]upstream.Options{
		"none":                       {},
		"no port":                    {Addresses: []string{"broker"}},
		"no path":                    {Addresses: []string{"unix:"}},
		"a socket, TLS and no name":  {Addresses: []string{"unix:/run/broker"}, TLS: &tls.Config{}},
		"a good one, then a bad one": {Addresses: []string{"127.0.0.1:1", "x"}},
	} {
		if _, err := upstream.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
