package upstream

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/proxy/proxytest"
)

// reachedFor is a connection to address i that a client's tries have come to.
func reachedFor(t *testing.T, d *dialling, i int) *Connection {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	a := d.pool.targets[i].Address
	a.active.Add(1)
	return &Connection{Conn: ours, Address: a, dialling: d, began: time.Now()}
}

// asking are a client's tries, with so many addresses left.
func asking(p *Pool, left int) *dialling {
	return &dialling{pool: p, order: p.choose(nil), deadline: time.Now().Add(4 * time.Second), left: left}
}

// An address that ends connections before it answers rests longer each time, as one does that can't be
// reached: that it takes connections does not bring it back.
func TestAnAddressThatAnswersNobodyRestsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &proxytest.Log{}
		p := nodes(t, RoundRobin, 2)
		p.log = slog.New(slog.NewTextHandler(log, nil))
		bad := &p.targets[0]
		for rest := restMin; ; rest = min(2*rest, restMax) {
			d := asking(p, 0)
			if !bad.health.claim(time.Now(), time.Second) {
				t.Fatalf("it is not due after %v", rest)
			}
			_, err := reachedFor(t, d, 0).Next(t.Context(), io.EOF, true)
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, io.EOF) || !strings.Contains(err.Error(), bad.Name) {
				t.Fatalf("Next: got %v", err)
			}
			reachedFor(t, d, 1).Settle(true)
			if stands, _ := bad.health.standing(p, time.Now); stands != resting {
				t.Fatalf("it stands as %d, want that it rests", stands)
			}
			time.Sleep(rest - time.Millisecond)
			if stands, _ := bad.health.standing(p, time.Now); stands != resting {
				t.Fatalf("it stands as %d before %v are over", stands, rest)
			}
			time.Sleep(time.Millisecond)
			if rest == restMax {
				break
			}
		}
		if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "the upstream address fails") {
			t.Errorf("the log:\n%s, want one line", log)
		}
		reachedFor(t, asking(p, 1), 0).Settle(true)
		if !p.Status()[0].Up() {
			t.Error("it has answered, and is not up")
		}
	})
}

// What ended before it answered has failed only where another address answers the same CONNECT, or
// where nothing could be sent; and not where it is we who lack something.
func TestWhatCountsAsAFailure(t *testing.T) {
	for _, tc := range []struct {
		name     string
		why      error
		sent     bool
		answered *bool // what the other address says; nil: it ends too
		want     bool  // the first is up
	}{
		{"another one answers", io.EOF, true, new(true), false},
		{"another one is slow", io.EOF, true, new(false), true},
		{"no one answers", io.EOF, true, nil, true},
		{"nothing was sent", io.EOF, false, nil, false},
		{"nothing was sent, for want of memory", syscall.ENOMEM, false, new(true), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := &tries{}
			p := nodes(t, RoundRobin, 2)
			p.observer = o
			d := asking(p, 0)
			_, _ = reachedFor(t, d, 0).Next(t.Context(), tc.why, tc.sent)
			second := reachedFor(t, d, 1)
			if tc.answered != nil {
				second.Settle(*tc.answered)
				second.Address.Release()
			} else {
				_, _ = second.Next(t.Context(), io.EOF, true)
			}
			if got := p.Status(); got[0].Up() != tc.want || !got[1].Up() {
				t.Errorf("up: got %v and %v, want %v and true", got[0].Up(), got[1].Up(), tc.want)
			}
			if o.all[0] != Unanswered {
				t.Errorf("observed: got %v", o.all)
			}
			for i := range p.targets {
				if n := p.targets[i].active.Load(); n != 0 {
					t.Errorf("address %d has %d connections that are over", i, n)
				}
			}
		})
	}
}

// An answer is worth waiting for while it leaves time for another address, or decides whose failure it
// was.
func TestSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := nodes(t, RoundRobin, 2)
		if _, ok := reachedFor(t, asking(p, 0), 0).Spare(); ok {
			t.Error("nobody else is left")
		}
		if _, ok := (&Connection{}).Spare(); ok {
			t.Error("nobody else is known")
		}
		until, ok := reachedFor(t, asking(p, 1), 0).Spare()
		if got := time.Until(until); !ok || got != 3*time.Second {
			t.Errorf("got %v, %v, want three quarters of 4s", got, ok)
		}
		d := asking(p, 0)
		_, _ = reachedFor(t, d, 0).Next(t.Context(), io.EOF, true)
		until, ok = reachedFor(t, d, 1).Spare()
		if got := time.Until(until); !ok || got != 4*time.Second {
			t.Errorf("got %v, %v, want all of 4s", got, ok)
		}
		time.Sleep(4 * time.Second)
		d.left = 1
		if _, err := reachedFor(t, d, 1).Next(t.Context(), io.EOF, true); !errors.Is(err, ErrUnavailable) || d.left != 1 {
			t.Errorf("after the time: got %v, and %d addresses are left", err, d.left)
		}
	})
}
