package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// administrativeAction is the last packet of a 5.0 client that was revoked.
const administrativeAction = "\xe0\x02\x98\x00"

// marks are those of three sorts of client, by user name.
var marks = map[string]auth.Mark{"user": 1<<8 | auth.Mark(auth.OfUser), "key": 2<<8 | auth.Mark(auth.OfKey), "fetched": 3<<8 | auth.Mark(auth.OfFetchedKey)}

// marked is a chain that accepts everybody, with the mark of its user name.
func marked(t testing.TB) *auth.Chain {
	return chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
		return auth.Accepted(auth.Identity{Mark: marks[string(c.UserName)]})
	}))
}

// all says the same of every mark, and the test fails where it is asked of none.
func all(s auth.Standing) func(auth.Mark) auth.Standing {
	return func(m auth.Mark) auth.Standing {
		if m == 0 {
			panic("asked what became of nothing")
		}
		return s
	}
}

func gone(name string) func(auth.Mark) auth.Standing {
	return func(m auth.Mark) auth.Standing {
		if m == marks[name] {
			return auth.Gone
		}
		return auth.Stands
	}
}

func TestRevokedSessionsEndAndOthersDoNot(t *testing.T) {
	for _, ofNet := range []bool{false, true} {
		w := newWitness()
		r := newRig(t, func(o *options) {
			o.Chain, o.Observer, o.ofNet = marked(t), w, ofNet
			o.Limits.HalfCloseTimeout = time.Minute
		})
		for _, v := range versions {
			bad, good, anonymous := r.connected(client(v, "user", "p")), r.connected(client(v, "key", "p")), r.connected(client(v, "nobody", "p"))
			begun := time.Now()
			if got := r.server.Revoke(proxy.Revocation{Standing: gone("user"), Over: time.Hour}); got != (proxy.Revoked{Now: 1}) {
				t.Errorf("%v: got %+v, want one that ends now", v, got)
			}
			want := ""
			if v == packets.V5 {
				want = administrativeAction
			}
			if got := readAll(t, bad); string(got) != want {
				t.Errorf("%v: got % x, want % x", v, got, want)
			}
			if took := time.Since(begun); took > 10*time.Second { // a small part of one where the machine is ours
				t.Errorf("%v: it took %v, want that it is told at once", v, took)
			}
			bad.Close()
			r.expectLog("session ended", "username=user", "mqtt="+v.String(), "close_reason=revoked")
			exchange(t, good)
			exchange(t, anonymous)
		}
		proxytest.Eventually(t, "three closed as revoked", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.closed["revoked"] == 3 && len(w.closed) == 1
		})
	}
	if !slices.Contains(proxy.CloseReasons(), "revoked") {
		t.Error("revoked is none of the close reasons")
	}
}

// In the middle of a packet nothing can be told: both sides are closed within a second or so.
func TestRevokedInTheMiddleOfAPacket(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Chain = marked(t)
		o.broker.Handle = func(c net.Conn) {
			_, _ = c.Write([]byte{0x30, 100, 0, 1, 't'})
			_, _ = io.Copy(io.Discard, c)
		}
	})
	c := r.connected(client(packets.V5, "user", "p"))
	read(t, c, []byte{0x30, 100, 0, 1, 't'})
	begun := time.Now()
	r.server.Revoke(proxy.Revocation{Standing: gone("user")})
	if got := readAll(t, c); len(got) > 0 || time.Since(begun) > 10*time.Second {
		t.Errorf("got % x after %v, want a plain close after a second", got, time.Since(begun))
	}
	r.expectLog("session ended", "close_reason=revoked")
}

func TestObservedSessionsAreNeverRevoked(t *testing.T) {
	r := newRig(t, func(o *options) { o.Chain, o.Enforcement = marked(t), observing })
	c := r.connected(client(packets.V5, "user", "p"))
	if got := r.server.Revoke(proxy.Revocation{Standing: all(auth.Gone)}); got != (proxy.Revoked{}) {
		t.Errorf("got %+v, want none", got)
	}
	exchange(t, c)
}

// Who was judged before and begins afterwards is not overlooked.
func TestSessionThatBeginsAfterTheRevocationOfItsUser(t *testing.T) {
	for name, standing := range map[string]func(auth.Mark) auth.Standing{"gone": all(auth.Gone), "withdrawn": all(auth.Withdrawn), "good": all(auth.Stands)} {
		t.Run(name, func(t *testing.T) {
			judging, judged := make(chan struct{}), make(chan struct{})
			r := newRig(t, func(o *options) {
				o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
					close(judging)
					<-judged
					return auth.Accepted(auth.Identity{Mark: marks["user"]})
				}))
			})
			c := r.send(frame(client(packets.V311, "user", "p")))
			<-judging
			r.server.Revoke(proxy.Revocation{Standing: standing})
			close(judged)
			if name == "good" {
				read(t, c, accepting(packets.V311))
				exchange(t, c)
				return
			}
			readAll(t, c)
			r.expectLog("session ended", "close_reason=revoked")
		})
	}
}

// Withdrawn ones end evenly, and once each, however often it is said.
func TestWithdrawnSessionsEndEvenly(t *testing.T) {
	const clients, over = 200, 100 * time.Second
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) { o.Chain, o.Limits.HalfCloseTimeout = marked(t), 100*time.Millisecond })
		defer stop()
		told := p.watch(clients, "fetched")
		begun := time.Now()
		for again := range 3 {
			want := proxy.Revoked{}
			if again == 0 {
				want.Later = clients
			}
			if got := p.server.Revoke(proxy.Revocation{Standing: all(auth.Withdrawn), Over: over}); got != want {
				t.Errorf("said %d times before: got %+v, want %+v", again, got, want)
			}
		}
		var each [10]int // tenths of the time
		for range clients {
			each[min(9, int((<-told).Sub(begun)*10/over))]++
		}
		if slices.Max(each[:]) > 30 || each[8] == 0 {
			t.Errorf("%v ended in each tenth of the time, want about 22 in each but the last", each)
		}
	})
}

// Who is told that it goes, but has yet to take that, is not counted again.
func TestWithdrawnSessionThatIsEndingIsNotCountedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) { o.Chain, o.Limits.HalfCloseTimeout = marked(t), 100*time.Millisecond })
		defer stop()
		defer p.connectAs(packets.V5, "fetched").Close() // it reads nothing more
		for _, want := range []proxy.Revoked{{Later: 1}, {}} {
			if got := p.server.Revoke(proxy.Revocation{Standing: all(auth.Withdrawn)}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			synctest.Wait()
		}
	})
}

// watch connects n clients of a user, and returns when each is told that it was revoked. It is for a
// bubble.
func (p *pipes) watch(n int, user string) <-chan time.Time {
	return p.watchEach(n, func() net.Conn { return p.connectAs(packets.V5, user) })
}

// watchEach is watch, of clients of any sort.
func (p *pipes) watchEach(n int, connect func() net.Conn) <-chan time.Time {
	told := make(chan time.Time, n)
	for range n {
		c := connect()
		go func() {
			got := make([]byte, len(administrativeAction))
			if _, err := io.ReadFull(c, got); err == nil && string(got) == administrativeAction {
				told <- time.Now()
			}
			c.Close()
		}()
	}
	return told
}

// A key that is back by then, or a configuration by which all go on, spares those whose turn has yet
// to come.
func TestWithdrawnSessionsStayWhoseKeyIsBack(t *testing.T) {
	const clients, over = 100, 100 * time.Second
	for name, back := range map[string]proxy.Revocation{"the key is back": {Standing: all(auth.Stands), Over: over}, "switched off": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, stop := newPipes(t, func(o *proxy.Options) { o.Chain, o.Limits.HalfCloseTimeout = marked(t), 100*time.Millisecond })
				defer stop()
				p.watch(clients, "fetched")
				p.server.Revoke(proxy.Revocation{Standing: all(auth.Withdrawn), Over: over})
				time.Sleep(over / 2)
				p.server.Revoke(back)
				time.Sleep(over)
				left := p.server.Sessions()
				if left < 30 || left > 60 {
					t.Errorf("%d of %d are left, want about 45", left, clients)
				}
				if got := p.server.Revoke(proxy.Revocation{Standing: all(auth.Withdrawn), Over: over}); got.Later != left {
					t.Errorf("withdrawn once more: got %+v, want %d", got, left)
				}
			})
		})
	}
}

func TestNothingIsRevokedWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) { o.Chain = marked(t) })
		defer stop()
		told := p.watch(1, "user") // who is told of the shutdown instead, and then not counted
		done := shutdownOver(p.server, proxy.Drain{Over: time.Minute})
		synctest.Wait()
		if got := p.server.Revoke(proxy.Revocation{Standing: all(auth.Gone)}); got != (proxy.Revoked{}) {
			t.Errorf("got %+v, want none", got)
		}
		if err := <-done; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if len(told) > 0 {
			t.Error("a client was told that it is revoked")
		}
	})
}

// Sessions come and go while everything is revoked again and again: none is left, and nothing races.
func TestRevocationInAStorm(t *testing.T) {
	r := newRig(t, func(o *options) { o.Chain = marked(t) })
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 20 {
				c, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = c.Write(frame(client(packets.V5, "user", "p")))
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		})
	}
	over := make(chan struct{})
	go func() { clients.Wait(); close(over) }()
	for {
		select {
		case <-over:
			proxytest.Eventually(t, "no session is left", func() bool { return r.server.Sessions() == 0 })
			return
		case <-time.After(2 * time.Millisecond):
			r.server.Revoke(proxy.Revocation{Standing: all(auth.Gone)})
		}
	}
}
