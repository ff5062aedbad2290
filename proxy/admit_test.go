package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// everyWay runs a test for each way in which connections are accepted.
func everyWay(t *testing.T, test func(t *testing.T, ofNet bool)) {
	t.Run("ordinary", func(t *testing.T) { test(t, true) })
	if runtime.GOOS == "linux" {
		t.Run("nursery", func(t *testing.T) { test(t, false) })
	}
}

// from is the rig as a client at another address of the loopback sees it.
func (r *rig) from(address string) *guest {
	if runtime.GOOS != "linux" {
		r.t.Skip("the loopback has one address")
	}
	return &guest{r, net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}}
}

type guest struct {
	*rig
	dialer net.Dialer
}

func (g *guest) dial() net.Conn {
	g.t.Helper()
	c, err := g.dialer.Dial("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return c
}

// answer is what a CONNECT is answered with: all that comes where it is refused, and else the
// CONNACK; the connection is then open.
func (g *guest) answer(c packets.Connect) (net.Conn, []byte) {
	g.t.Helper()
	conn := g.dial()
	if _, err := conn.Write(frame(c)); err != nil {
		g.t.Fatal(err)
	}
	got := make([]byte, len(accepting(c.Version)))
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := io.ReadFull(conn, got)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		g.t.Fatalf("after %d bytes: %v", n, err)
	}
	return conn, got[:n]
}

// expect demands an answer to a client's CONNECT: a refusal, or None.
func (g *guest) expect(c packets.Connect, reason auth.Reason) net.Conn {
	g.t.Helper()
	want := accepting(c.Version)
	if reason != auth.None {
		want = wanted(reason, c.Version)
	}
	conn, got := g.answer(c)
	if !bytes.Equal(got, want) {
		g.t.Errorf("%v, MQTT %v: got % x, want % x (%v)", g.dialer.LocalAddr, c.Version, got, want, reason)
	}
	return conn
}

// guessers is a chain that lets in whoever has the password "right".
func guessers(t *testing.T) *auth.Chain {
	return chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
		if string(c.Password) == "right" {
			return auth.Accepted(auth.Identity{})
		}
		return auth.Denied(auth.BadPassword, "")
	}))
}

func TestBannedAtTheSocket(t *testing.T) {
	everyWay(t, func(t *testing.T, ofNet bool) {
		w := newWitness()
		r := newRig(t, func(o *options) {
			o.ofNet, o.Observer, o.Chain = ofNet, w, guessers(t)
			o.Limits.Ban = proxy.BanLimits{Failures: 3}
		})
		bad, good := r.from("127.0.0.2"), r.from("127.0.0.3")
		live := bad.expect(client(packets.V5, "u", "right"), auth.None)
		for range 3 {
			bad.expect(client(packets.V5, "u", "wrong"), auth.BadPassword)
		}
		for _, v := range versions {
			bad.expect(client(v, "u", "right"), auth.Banned)
			good.expect(client(v, "u", "right"), auth.None)
		}
		r.expectLog("level=WARN", "address banned", "remote=127.0.0.2", "for=5m0s", "last_reason=bad_password")
		r.expectLog("msg=refused", "remote=127.0.0.2:", "reason=banned", "code=0x8a", "detail=\"for 5m0s more\"")
		if n := r.server.Bans(); n != 1 {
			t.Errorf("%d bans are active, want 1", n)
		}
		ping := []byte{0xC0, 0}
		live.Write(ping)
		read(t, live, ping)
		r.expectUpstream(4)
		w.note(func() {
			if w.limits["ban"] != 3 {
				t.Errorf("limits: got %v, want 3 times ban", w.limits)
			}
		})
	})
}

// Who is known by its client id may write any user name: a good account of its own forgives nobody
// the guesses at another's.
func TestAnAccountOfItsOwnForgivesNoGuesses(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Limits.Ban = proxy.BanLimits{Failures: 3}
		o.Chain = chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
			if string(c.ClientID) == "own" && string(c.Password) == "right" {
				return auth.Accepted(auth.Identity{Name: "own"})
			}
			return auth.Denied(auth.BadPassword, "")
		}))
	})
	g := r.from("127.0.0.2")
	own, guess := client(packets.V5, "own", "right"), client(packets.V5, "own", "guess")
	own.ClientID = []byte("own")
	for range 3 {
		g.expect(own, auth.None)
		g.expect(guess, auth.BadPassword)
	}
	g.expect(guess, auth.Banned)
}

// It costs nobody a handshake that an address is banned.
func TestBannedBeforeTheTLSHandshake(t *testing.T) {
	everyWay(t, func(t *testing.T, ofNet bool) {
		ca := proxytest.NewCA(t, "test")
		w := newWitness()
		r := newRig(t, func(o *options) {
			o.ofNet, o.Observer, o.Chain = ofNet, w, guessers(t)
			o.Limits.Ban = proxy.BanLimits{Failures: 1}
			o.tls = proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
		})
		secure := func(g *guest, password string) {
			c := tls.Client(g.dial(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
			c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := c.Write(frame(client(packets.V5, "u", password))); err != nil {
				t.Fatal(err)
			}
			io.ReadFull(c, make([]byte, 5))
		}
		bad := r.from("127.0.0.2")
		secure(bad, "wrong")
		// Not a byte comes, also where none is sent.
		if got := readAll(t, bad.dial()); len(got) > 0 {
			t.Errorf("got % x, want a plain close", got)
		}
		c := bad.dial()
		if err := tls.Client(c, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}).Handshake(); err == nil {
			t.Error("a banned address made a handshake")
		}
		secure(r.from("127.0.0.3"), "right")
		proxytest.Eventually(t, "the others are let in", func() bool { return r.server.Sessions() == 1 })
		r.expectLog("msg=refused", "remote=127.0.0.2:", "verdict=deny", "reason=banned")
		r.server.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.secured != 2 || w.closed["banned"] != 2 || w.limits["ban"] != 2 || w.over() != w.accepted {
			t.Errorf("%d handshakes, %v closed, %v met; want 2, 2 banned, 2 met", w.secured, w.closed, w.limits)
		}
	})
}

func TestBanPassesOverTrustedAddressesAndAnonymousSuccess(t *testing.T) {
	anonymous, err := auth.NewChain(auth.Options{AllowAnonymous: true, Log: slog.New(slog.DiscardHandler), Stages: []auth.Authenticator{
		stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
			if !c.HasPassword {
				return auth.Ignored()
			}
			return auth.Denied(auth.BadPassword, "")
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *options) {
		o.Chain = anonymous
		o.Limits.Ban = proxy.BanLimits{Failures: 3, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.8/29")}}
	})
	trusted, other := r.from("127.0.0.9"), r.from("127.0.0.2")
	for range 3 {
		trusted.expect(client(packets.V5, "u", "p"), auth.BadPassword)
		other.expect(client(packets.V5, "u", "p"), auth.BadPassword)
		if r.server.Bans() == 0 {
			// It proves nothing, and forgives nothing.
			other.expect(client(packets.V5, "u", ""), auth.None)
		}
	}
	trusted.expect(client(packets.V5, "u", "p"), auth.BadPassword)
	other.expect(client(packets.V5, "u", ""), auth.Banned)
}

// Nobody is banned for what it is let through for.
func TestObservedFailuresBanNobody(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Chain, o.Enforcement = guessers(t), observing
		o.Limits.Ban = proxy.BanLimits{Failures: 1}
	})
	for range 3 {
		r.from("127.0.0.2").expect(client(packets.V5, "u", "wrong"), auth.None)
	}
	if n := r.server.Bans(); n != 0 {
		t.Errorf("%d bans are active, want none", n)
	}
}

func TestConnectRateAtTheSocket(t *testing.T) {
	everyWay(t, func(t *testing.T, ofNet bool) {
		for _, limit := range []string{"connect_rate", "connect_rate_per_address"} {
			w := newWitness()
			r := newRig(t, func(o *options) {
				o.ofNet, o.Observer = ofNet, w
				if limit == "connect_rate" {
					o.Limits.ConnectRate = 1
				} else {
					o.Limits.ConnectRatePerAddress = 1
				}
			})
			flood := r.from("127.0.0.2")
			began := time.Now()
			flood.expect(client(packets.V5, "u", "p"), auth.None)
			passed := 1
			for _, v := range versions {
				passed += flood.passUntilRefused(client(v, "u", "p"))
			}
			if most := 1 + int(time.Since(began).Seconds()); passed > most {
				t.Errorf("%d passed, want %d at most", passed, most)
			}
			r.expectLog("msg=refused", "reason=rate_limited", `detail="more than `+limit+`: 1 per second"`)
			if limit == "connect_rate_per_address" {
				r.from("127.0.0.3").expect(client(packets.V5, "u", "p"), auth.None)
			}
			w.note(func() {
				if w.limits[limit] != 3 || w.closed["rate_limited"] != 3 {
					t.Errorf("got %v met, %v closed, want 3 times %s", w.limits, w.closed, limit)
				}
			})
			time.Sleep(time.Duration(passed) * 1100 * time.Millisecond) // the more it took, the more it leaves
			flood.expect(client(packets.V311, "u", "p"), auth.None)
		}
	})
}

// passUntilRefused connects until it is refused for its rate, and returns how often it was let in
// before: a slow machine gives it time to.
func (g *guest) passUntilRefused(c packets.Connect) (passed int) {
	g.t.Helper()
	for ; ; passed++ {
		conn, got := g.answer(c)
		conn.Close()
		switch {
		case bytes.Equal(got, wanted(auth.RateLimited, c.Version)):
			return passed
		case !bytes.Equal(got, accepting(c.Version)):
			g.t.Fatalf("MQTT %v: got % x, want to be let in or refused", c.Version, got)
		case passed > 100:
			g.t.Fatal("it is never refused")
		}
	}
}

// Limits of connections are met at the socket, given back, and changed without a restart.
func TestConnectionLimitsAtTheSocket(t *testing.T) {
	everyWay(t, func(t *testing.T, ofNet bool) {
		w := newWitness()
		var policy proxy.Policy
		r := newRig(t, func(o *options) { o.ofNet, o.Observer, policy = ofNet, w, o.Policy })
		policy.Upstream = dialFunc(func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", r.broker.Addr())
		})
		limits := func(change func(*proxy.Limits)) {
			p := policy
			change(&p.Limits)
			r.server.SetPolicy(p)
		}
		v5 := client(packets.V5, "u", "p")
		one, other := r.from("127.0.0.2"), r.from("127.0.0.3")
		limits(func(*proxy.Limits) {})
		first := one.expect(v5, auth.None)
		one.expect(v5, auth.None)

		// Those that came before there was a limit count.
		limits(func(l *proxy.Limits) { l.MaxConnectionsPerAddress = 2 })
		for _, v := range versions {
			one.expect(client(v, "u", "p"), auth.Busy)
		}
		last := other.expect(v5, auth.None)
		r.expectLog("reason=busy", `detail="max_connections_per_address is reached"`)
		ping := []byte{0xC0, 0}
		first.Write(ping) // and they feel nothing
		read(t, first, ping)
		first.Close()
		proxytest.Eventually(t, "the session's end", func() bool { return r.server.Sessions() == 2 })
		one.expect(v5, auth.None)
		one.expect(v5, auth.Busy)

		limits(func(l *proxy.Limits) { l.MaxListenerConnections = map[string]int{"main": 3, "another": 1} })
		other.expect(v5, auth.Busy)
		r.expectLog("reason=busy", `detail="listener_max_connections is reached"`)
		last.Close()
		proxytest.Eventually(t, "the session's end", func() bool { return r.server.Sessions() == 2 })
		one.expect(v5, auth.None)

		limits(func(l *proxy.Limits) { l.MaxListenerConnections = map[string]int{"another": 1} })
		one.expect(v5, auth.None)
		w.note(func() {
			if w.limits["max_connections_per_address"] != 4 || w.limits["listener_max_connections"] != 1 {
				t.Errorf("got %v met", w.limits)
			}
		})
	})
}

// Whoever was counted and came to nothing is given back, too.
func TestConnectionLimitsCountNobodyTwice(t *testing.T) {
	var down, broken atomic.Bool
	var policy proxy.Policy
	r := newRig(t, func(o *options) {
		o.Limits.MaxConnections, o.Limits.MaxConnectionsPerAddress = 2, 1
		o.Limits.MaxListenerConnections = map[string]int{"main": 1}
		o.Chain = guessers(t)
		policy = o.Policy
	})
	policy.Upstream = dialFunc(func(ctx context.Context) (net.Conn, error) {
		if down.Load() {
			return nil, io.ErrClosedPipe
		}
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.broker.Addr())
		if err == nil && broken.Load() {
			c.Close() // it can't be written to
		}
		return c, err
	})
	r.server.SetPolicy(policy)
	one := r.from("127.0.0.2")
	for range 5 {
		broken.Store(true)
		one.expect(client(packets.V5, "u", "right"), auth.UpstreamUnavailable)
		broken.Store(false)
		one.expect(client(packets.V5, "u", "wrong"), auth.BadPassword)
		down.Store(true)
		one.expect(client(packets.V5, "u", "right"), auth.UpstreamUnavailable)
		down.Store(false)
		one.expect(client(packets.V5, "u", "right"), auth.None).Close()
		proxytest.Eventually(t, "the session's end", func() bool { return r.server.Sessions() == 0 })
	}
	one.expect(client(packets.V5, "u", "right"), auth.None)
	one.expect(client(packets.V5, "u", "right"), auth.Busy)
}

// A storm of refusals by limits is no storm of lines.
func TestStormAgainstLimitsIsSampled(t *testing.T) {
	log := &proxytest.Log{}
	r := newRig(t, func(o *options) {
		o.Limits.ConnectRatePerAddress = 1
		o.Limits.Ban = proxy.BanLimits{Failures: 1}
		o.Chain = guessers(t)
		o.Log = slog.New(slog.NewTextHandler(log, nil)) // at debug level all lines are there
	})
	rated, banned := r.from("127.0.0.2"), r.from("127.0.0.3")
	banned.expect(client(packets.V5, "u", "wrong"), auth.BadPassword)
	rated.expect(client(packets.V5, "u", "right"), auth.None)
	for range 50 {
		rated.passUntilRefused(client(packets.V5, "u", "right"))
		banned.expect(client(packets.V5, "u", "right"), auth.Banned)
	}
	r.server.Close()
	lines := log.String()
	if n := strings.Count(lines, "msg=refused"); n != 40 {
		t.Errorf("%d refusals are logged, want 20 of each address", n)
	}
	for _, part := range []string{
		"remote=127.0.0.2 suppressed=30 reasons=map[rate_limited:30]",
		"remote=127.0.0.3 suppressed=31 reasons=map[banned:31]",
	} {
		if !strings.Contains(lines, part) {
			t.Errorf("the log has no line with %q:\n%s", part, lines)
		}
	}
}
