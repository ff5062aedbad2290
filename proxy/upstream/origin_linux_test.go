package upstream

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"mqttward/proxy/proxytest"
)

// Every address of 127.0.0.0/8 is this machine's on Linux.
var origins = []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}

// Connections come from the source addresses in turn, whether the broker's address is a name or
// not, and both may have the same port.
func TestConnectionsComeFromTheSourceAddresses(t *testing.T) {
	proxytest.CheckLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, address := range []string{l.Addr().String(), "localhost:" + port} {
		p, err := New(Options{Addresses: []string{address}, SourceAddresses: origins})
		if err != nil {
			t.Fatal(err)
		}
		from := map[string]int{}
		for range 6 {
			c, err := p.Dial(context.Background(), Client{})
			if err != nil {
				t.Fatal(err)
			}
			seen, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			host, _, _ := net.SplitHostPort(seen.RemoteAddr().String())
			from[host]++
			c.Conn.Close()
			seen.Close()
		}
		if from["127.0.0.2"] != 3 || from["127.0.0.3"] != 3 {
			t.Errorf("%s: got %v, want 3 from each", address, from)
		}
	}
}

// A source address from which there is no way is passed over; where all are so, that says nothing
// of the broker's address.
func TestSourceAddressesThatDoNotWork(t *testing.T) {
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	away := netip.MustParseAddr("192.0.2.77") // nobody's
	_, port, _ := net.SplitHostPort(broker.Addr())
	for _, address := range []string{broker.Addr(), "localhost:" + port} {
		o := &tries{}
		p, err := New(Options{Addresses: []string{address}, SourceAddresses: []netip.Addr{away, origins[0]}, Observer: o})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			c, err := p.Dial(context.Background(), Client{})
			if err != nil {
				t.Fatal(err)
			}
			c.Conn.Close()
		}
		if p, err = New(Options{Addresses: []string{address}, SourceAddresses: []netip.Addr{away}, Observer: o}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Dial(context.Background(), Client{}); !errors.Is(err, ErrUnavailable) || !noPort(err) {
			t.Errorf("%s: got %v", address, err)
		}
		if !p.Status()[0].Up() || o.all[len(o.all)-1] != NoPort {
			t.Errorf("%s: got %+v after %v, want that the address is up", address, p.Status(), o.all)
		}
	}
	if _, err := New(Options{Addresses: []string{"127.0.0.1:1"}, SourceAddresses: []netip.Addr{netip.MustParseAddr("::1")}}); err == nil {
		t.Error("a source address of the other family: no error")
	}
}

func TestTheEndOfThePortsIsWarnedOf(t *testing.T) {
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	log := &proxytest.Log{}
	p, err := New(Options{
		Addresses: []string{broker.Addr()}, SourceAddresses: origins, SourcePorts: 5,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []Connection
	dial := func(n int) {
		for range n {
			c, err := p.Dial(context.Background(), Client{})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	drop := func(n int) {
		for _, c := range all[:n] {
			c.Conn.Close()
			c.Address.Release()
		}
		all = all[n:]
	}
	warned := func(want int) {
		t.Helper()
		if got := strings.Count(log.String(), "the source ports near their end"); got != want {
			t.Errorf("with %d connections of 10: got %d warnings, want %d", len(all), got, want)
		}
	}
	dial(7)
	warned(0)
	dial(2)
	warned(1)
	drop(5)
	dial(1)
	warned(1)
	dial(4)
	warned(2)
	drop(len(all))
}
