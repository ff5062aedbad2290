package upstream

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/proxy/proxytest"
)

// An outage that clients found ends without them: those that nobody answers for stay down.
func TestAnOutageEndsWithoutClients(t *testing.T) {
	proxytest.CheckLeaks(t)
	broker := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	p, err := New(Options{Addresses: []string{broker.Addr(), proxytest.FreeAddress(t)}})
	if err != nil {
		t.Fatal(err)
	}
	broker.Close()
	if _, err := p.Dial(context.Background(), Client{}); !errors.Is(err, ErrUnavailable) || p.Up() {
		t.Fatalf("without a broker: got %v, up: %v", err, p.Up())
	}
	checking(t, p)
	proxytest.NewBroker(t, proxytest.BrokerOptions{Addr: p.targets[0].Name})
	up(t, p, 0, true)
	if !p.Up() || p.Status()[1].Up() {
		t.Errorf("got %+v, want the first up alone", p.Status())
	}
}

// looking is a pool whose addresses take connections and are sick, and when they were looked at.
type looking struct {
	*Pool
	began time.Time
	mu    sync.Mutex
	at    []time.Duration
}

func newLooking(t *testing.T, listeners []net.Listener, c Checks) *looking {
	t.Helper()
	l := &looking{began: time.Now()}
	c.Check = func(context.Context, net.Conn) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at = append(l.at, time.Since(l.began).Round(time.Second))
		return errors.New("sick")
	}
	o := Options{Checks: c}
	for _, listener := range listeners {
		o.Addresses = append(o.Addresses, listener.Addr().String())
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l.Pool = p
	return l
}

func listeners(t *testing.T, n int) []net.Listener {
	t.Helper()
	all := make([]net.Listener, n)
	for i := range all {
		var err error
		if all[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil { // it takes a backlog of connections
			t.Fatal(err)
		}
		t.Cleanup(func() { all[i].Close() })
	}
	return all
}

// An address is looked at when it has rested, and rests longer each time; it is not up in between,
// however long that takes.
func TestLooksBecomeRarer(t *testing.T) {
	two := listeners(t, 2)
	synctest.Test(t, func(t *testing.T) {
		l := newLooking(t, two, Checks{})
		for i := range l.targets {
			l.failed(l.targets[i].Address, errors.New("a client's try"))
		}
		checking(t, l.Pool)
		for range 100 {
			time.Sleep(time.Second)
			synctest.Wait()
			if s := l.Status(); l.Up() || s[0].Up() || s[1].Up() {
				t.Fatalf("after %v: up: %v, %+v", time.Since(l.began), l.Up(), s)
			}
		}
		var want []time.Duration
		for _, at := range []time.Duration{1, 3, 7, 15, 31, 61, 91} {
			want = append(want, at*time.Second, at*time.Second)
		}
		if !slices.Equal(l.at, want) {
			t.Errorf("looked at\n%v, want\n%v", l.at, want)
		}
	})
}

// Nobody looks while an address is up, nor where checks find out what it would.
func TestWhoLooks(t *testing.T) {
	const rare = 1 << 62 // no check comes
	two := listeners(t, 2)
	clients := func(l *looking, n int) {
		for i := range n {
			l.failed(l.targets[i].Address, errors.New("a client's try"))
		}
	}
	for name, tc := range map[string]struct {
		every time.Duration // between checks; 0: none
		begin func(*looking)
		want  bool
	}{
		"all fail":                     {0, func(l *looking) { clients(l, 2) }, true},
		"one is up":                    {0, func(l *looking) { clients(l, 1) }, false},
		"none was tried":               {0, func(l *looking) {}, false},
		"all fail, and checks are few": {rare, func(l *looking) { clients(l, 2) }, true},
		"all checks fail": {rare, func(l *looking) {
			l.targets[0].health.fall(l.Pool, time.Now())
			l.targets[1].health.fall(l.Pool, time.Now())
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLooking(t, two, Checks{Interval: tc.every})
				tc.begin(l)
				checking(t, l.Pool)
				time.Sleep(restMax)
				synctest.Wait()
				if got := len(l.at) > 0; got != tc.want {
					t.Errorf("looked at %v, want looks: %v", l.at, tc.want)
				}
			})
		})
	}
	for every, want := range map[time.Duration]bool{0: true, time.Second: false, restMax: false, restMax + 1: true} {
		if got := newLooking(t, two, Checks{Interval: every}).ownLooks(); got != want {
			t.Errorf("with checks every %v it looks itself: %v, want %v", every, got, want)
		}
	}
}
