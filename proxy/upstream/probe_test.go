package upstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// checked runs the checks of p until the test ends, and returns what stops them early.
func checking(t *testing.T, p *Pool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { p.Run(ctx) })
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

// up waits until an address is up, or down.
func up(t *testing.T, p *Pool, i int, want bool) {
	t.Helper()
	proxytest.Eventually(t, "the address's state", func() bool { return p.Status()[i].Up() == want })
}

func TestChecksFindWithoutClients(t *testing.T) {
	proxytest.CheckLeaks(t)
	var sick atomic.Bool
	var checks atomic.Int32
	broker, other := proxytest.NewBroker(t, proxytest.BrokerOptions{}), proxytest.NewBroker(t, proxytest.BrokerOptions{})
	o := Options{
		Addresses: []string{broker.Addr(), other.Addr()}, Balance: RoundRobin,
		Checks: Checks{Interval: 10 * time.Millisecond, Rise: 3, Fall: 4, Check: func(_ context.Context, c net.Conn) error {
			if c.RemoteAddr().String() != broker.Addr() {
				return nil
			}
			checks.Add(1)
			if sick.Load() {
				return errors.New("sick")
			}
			return nil
		}},
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	stop := checking(t, p)
	proxytest.Eventually(t, "checks", func() bool { return checks.Load() > 5 })
	up(t, p, 0, true)
	sick.Store(true)
	before := checks.Load()
	up(t, p, 0, false)
	if n := checks.Load() - before; n < 4 {
		t.Errorf("down after %d checks, want 4", n)
	}
	// That it can be reached is not enough, while its checks fail.
	for range 4 {
		c, err := p.Dial(context.Background(), Client{})
		if err != nil {
			t.Fatal(err)
		}
		c.Conn.Close()
		if c.Address.Name != other.Addr() {
			t.Errorf("a client went to %s", c.Address.Name)
		}
	}
	p.reached(p.targets[0].Address)
	if p.Status()[0].Up() {
		t.Error("a client brought it up")
	}
	sick.Store(false)
	before = checks.Load()
	up(t, p, 0, true)
	if n := checks.Load() - before; n < 3 {
		t.Errorf("up after %d checks, want 3", n)
	}
	// A pool without checks does not wait for them.
	sick.Store(true)
	up(t, p, 0, false)
	stop()
	o.Checks, o.Before = Checks{}, p
	next, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := next.targets[0].health.standing(next, time.Now); s != due {
		t.Errorf("in a pool without checks it stands as %d, want that one client tries", s)
	}
	next.reached(next.targets[0].Address)
	up(t, next, 0, true)
}

// A check that cannot connect fails; one that can is enough where there is nothing more to do. What
// a client found out ends when it is back.
func TestChecksOfTheConnectionAlone(t *testing.T) {
	proxytest.CheckLeaks(t)
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	p, err := New(Options{Addresses: []string{broker.Addr()}, Checks: Checks{Interval: 10 * time.Millisecond, Rise: 1, Fall: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		p.failed(p.targets[0].Address, errors.New("a client's try"))
	}
	checking(t, p)
	up(t, p, 0, true)
	broker.Close()
	up(t, p, 0, false)
	if _, err := p.Dial(context.Background(), Client{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	proxytest.NewBroker(t, proxytest.BrokerOptions{Addr: p.targets[0].Name})
	up(t, p, 0, true)
}

// A client that fails breaks a streak of checks that succeeded.
func TestAClientsFailureBreaksAStreak(t *testing.T) {
	p := nodes(t, RoundRobin, 1)
	p.checks = Checks{Rise: 2}.withDefaults()
	target := &p.targets[0]
	var s streak
	p.checked(target, &s, nil)
	p.checked(target, &s, nil)
	time.Sleep(time.Millisecond)
	p.failed(target.Address, errors.New("no"))
	time.Sleep(time.Millisecond)
	p.checked(target, &s, nil)
	if p.Status()[0].Up() {
		t.Error("up after one check")
	}
	p.checked(target, &s, nil)
	if !p.Status()[0].Up() {
		t.Error("not up after two checks")
	}
}
