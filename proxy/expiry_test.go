package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// expiresIn is a chain that accepts everybody for d.
func expiresIn(t testing.TB, d time.Duration) *auth.Chain {
	return chainOf(t, always(auth.Accepted(auth.Identity{Expires: time.Now().Add(d).Round(0)})))
}

// briefly is a chain that accepts everybody for a while, and notes until when.
type briefly struct {
	chain *auth.Chain
	life  atomic.Int64 // nanoseconds
	ends  atomic.Pointer[time.Time]
}

func newBriefly(t testing.TB) *briefly {
	b := &briefly{}
	b.chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
		ends := time.Now().Add(time.Duration(b.life.Load())).Round(0)
		b.ends.Store(&ends)
		return auth.Accepted(auth.Identity{Expires: ends})
	}))
	return b
}

// connected connects a client whose proof ends soon after the CONNACK. A machine that is busy may
// take longer than that for the CONNACK: then the next has more time.
func (b *briefly) connected(r *rig, v packets.Version) net.Conn {
	r.t.Helper()
	for life := 400 * time.Millisecond; life < time.Minute; life *= 2 {
		b.life.Store(int64(life))
		c := r.send(frame(client(v, "u", "p")))
		got := make([]byte, len(accepting(v)))
		c.SetReadDeadline(time.Now().Add(2 * time.Minute))
		n, err := io.ReadFull(c, got)
		switch {
		case bytes.Equal(got, accepting(v)):
			return c
		case n > 0 || time.Now().Before(*b.ends.Load()):
			r.t.Fatalf("read: got % x, %v, want % x", got[:n], err, accepting(v))
		}
		c.Close()
	}
	r.t.Fatal("no proof lasts until the CONNACK")
	return nil
}

func TestExpiryEndsASession(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			b := newBriefly(t)
			r := newRig(t, func(o *options) { o.Chain = b.chain })
			c := b.connected(r, v)
			got := readAll(t, c)
			if early := b.ends.Load().Sub(time.Now().Round(0)); early > 0 {
				t.Errorf("ended %v before its time", early)
			}
			want := ""
			if v == packets.V5 {
				want = "\xe0\x02\xa0\x00" // DISCONNECT, Maximum connect time
			}
			if string(got) != want {
				t.Errorf("the client got % x, want % x", got, want)
			}
			c.Close()
			r.expectLog("session ended", "close_reason=expired")
		})
	}
}

// The broker sees the end without an MQTT DISCONNECT, so that it publishes the will.
func TestExpiryReachesTheBrokerAsAPlainEnd(t *testing.T) {
	seen := make(chan []byte, 16)
	b := newBriefly(t)
	r := newRig(t, func(o *options) {
		o.Chain = b.chain
		o.broker.Handle = func(conn net.Conn) {
			all, _ := io.ReadAll(conn)
			seen <- all
		}
	})
	c := b.connected(r, packets.V5)
	readAll(t, c)
	c.Close()
	for range r.broker.Accepted() {
		if got := <-seen; len(got) > 0 {
			t.Errorf("the broker got % x, want nothing", got)
		}
	}
}

func TestExpiryCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) {
			o.Chain = expiresIn(t, time.Minute)
			o.Expiry.Keep = true
		})
		defer stop()
		c := p.connect(packets.V5)
		time.Sleep(time.Hour)
		p.expectOpen(c)
	})
}

// A token may live until the year 9999: that is later than Unix nanoseconds and durations reach.
func TestExpiryOfTokensThatLiveForCenturies(t *testing.T) {
	for _, ends := range []time.Time{time.Unix(253402300799, 0), time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)} {
		synctest.Test(t, func(t *testing.T) {
			p, stop := newPipes(t, func(o *proxy.Options) {
				o.Chain = chainOf(t, always(auth.Accepted(auth.Identity{Expires: ends})))
			})
			defer stop()
			c := p.connect(packets.V5)
			time.Sleep(time.Hour)
			p.expectOpen(c)
		})
	}
}

func TestExpiryIsNeverEarlyAndWithinItsJitter(t *testing.T) {
	const life, jitter = 10 * time.Minute, time.Minute
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) {
			o.Chain = expiresIn(t, life)
			o.Expiry.Jitter = jitter
		})
		defer stop()
		begun := time.Now()
		var spread [2]time.Duration
		const clients = 20
		ends := make(chan time.Duration, clients)
		for range clients {
			c := p.connect(packets.V311)
			go func() {
				io.Copy(io.Discard, c)
				ends <- time.Since(begun)
			}()
		}
		for i := range clients {
			took := <-ends
			if i == 0 || took < spread[0] {
				spread[0] = took
			}
			spread[1] = max(spread[1], took)
		}
		// A pipe has no half-close: a session closes half_close_timeout after its end began.
		if spread[0] < life || spread[1] > life+jitter+12*time.Second {
			t.Errorf("ended between %v and %v, want %v to %v", spread[0], spread[1], life, life+jitter)
		}
		if spread[1]-spread[0] < jitter/4 {
			t.Errorf("all ended within %v: no jitter", spread[1]-spread[0])
		}
	})
}

func TestProofThatHasEndedAlready(t *testing.T) {
	r := newRig(t, func(o *options) { o.Chain = expiresIn(t, -time.Second) })
	c := r.send(frame(client(packets.V5, "u", "p")))
	readAll(t, c)
	c.Close()
	r.expectLog("session ended", "close_reason=expired")
}

// A broker that does not answer CONNECT does not lengthen a proof.
func TestExpiryBeforeTheBrokerAnswers(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Chain = expiresIn(t, 300*time.Millisecond)
		o.broker = proxytest.BrokerOptions{Connack: []byte{}}
	})
	c := r.send(frame(client(packets.V5, "u", "p")))
	if got := readAll(t, c); len(got) > 0 { // no DISCONNECT before CONNACK
		t.Errorf("got % x, want a plain close", got)
	}
	c.Close()
	r.expectLog("session ended", "close_reason=expired")
}

// connect makes a session inside a bubble.
func (p *pipes) connect(v packets.Version) net.Conn {
	p.t.Helper()
	return p.connectAs(v, "u")
}

// connectAs makes that of a user.
func (p *pipes) connectAs(v packets.Version, user string) net.Conn {
	p.t.Helper()
	return p.connectOver(p.dial(), v, user)
}

// connectOver makes a session over a connection, and returns that.
func (p *pipes) connectOver(c net.Conn, v packets.Version, user string) net.Conn {
	p.t.Helper()
	packet := frame(client(v, user, "p"))
	go c.Write(packet)
	broker := <-p.broker
	if _, err := io.ReadFull(broker, make([]byte, len(packet))); err != nil {
		p.t.Fatal(err)
	}
	go broker.Write(accepting(v))
	if _, err := io.ReadFull(c, make([]byte, len(accepting(v)))); err != nil {
		p.t.Fatal(err)
	}
	go io.Copy(io.Discard, broker)
	return c
}

func (p *pipes) expectOpen(c net.Conn) {
	p.t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Second))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || !isTimeout(err) {
		p.t.Errorf("the session is not open: read %d bytes, %v", n, err)
	}
	c.SetReadDeadline(time.Time{})
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
