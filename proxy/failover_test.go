package proxy_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
	"mqttward/proxy/upstream"
)

// pool is one of these nodes, of which the first is tried first.
func pool(t testing.TB, o upstream.Options, nodes ...*node) *upstream.Pool {
	t.Helper()
	o.Balance, o.Log = upstream.RoundRobin, slog.New(slog.DiscardHandler)
	if o.DialTimeout == 0 {
		o.DialTimeout = time.Minute // however slow the machine is
	}
	for _, n := range nodes {
		o.Addresses = append(o.Addresses, n.addr)
	}
	p, err := upstream.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// up tells of each address whether it is held to be up.
func up(p *upstream.Pool) (all []bool) {
	for _, s := range p.Status() {
		all = append(all, s.Up())
	}
	return all
}

// way is how the proxy reaches nodes, and takes clients.
type way struct {
	name    string
	network string
	secure  bool
	version byte // of the PROXY header
	change  func(*options)
}

func ways(t testing.TB) []way {
	goroutines := func(o *options) { o.ofNet, o.Relay = true, relay.Goroutines{} }
	return []way{
		{name: "plain", network: "tcp"},
		{name: "plain, with goroutines", network: "tcp", change: goroutines},
		{name: "TLS", network: "tcp", secure: true},
		{name: "TLS, with goroutines", network: "tcp", secure: true, change: goroutines},
		{name: "PROXY v1", network: "tcp", version: 1},
		{name: "PROXY v2", network: "tcp", version: 2},
		{name: "PROXY v2 below TLS", network: "tcp", secure: true, version: 2},
		{name: "unix", network: "unix"},
		{name: "unix, with goroutines", network: "unix", change: goroutines},
	}
}

// An address that takes the connection and ends it before it has answered is no reason to refuse
// anybody while there is another one. The next has the CONNECT as it was, once, with a header of its
// own, and the first is held to have failed.
func TestAnAddressThatEndsBeforeItAnswers(t *testing.T) {
	settings, trust := secureNodes(t)
	for _, w := range ways(t) {
		ends := endings
		if w.secure {
			for _, e := range endings {
				e.name, e.handshake = e.name+", behind TLS", true
				ends = append(ends[:len(ends):len(ends)], e)
			}
		}
		for _, e := range ends {
			if e.reset && w.network == "unix" {
				continue // it can't
			}
			t.Run(w.name+" "+e.name, func(t *testing.T) {
				o := upstream.Options{ProxyProtocol: upstream.ProxyProtocol{Version: w.version}}
				bad, good := &node{t: t, ending: &e, proxied: w.version > 0}, &node{t: t, proxied: w.version > 0}
				if w.secure {
					bad.tls, good.tls, o.TLS = settings, settings, trust
				}
				testEnding(t, w, o, bad, good)
			})
		}
	}
}

func testEnding(t *testing.T, w way, o upstream.Options, bad, good *node) {
	p := pool(t, o, newNode(bad, w.network), newNode(good, w.network))
	r := newRig(t, func(o *options) {
		o.Upstream = p
		if w.change != nil {
			w.change(o)
		}
	})
	sent := frame(full(packets.V5, "u", "p"))
	conn := r.send(sent)
	defer conn.Close()
	read(t, conn, accepting(packets.V5))
	echoes(t, conn)
	if got := good.connects(); len(got) != 1 || !bytes.Equal(got[0], sent) {
		t.Errorf("the second address got % x, want the CONNECT once", got)
	}
	if w.version > 0 {
		from, _, ok := good.header().TCPAddrs()
		if want := conn.LocalAddr().(*net.TCPAddr); !ok || from.Port != want.Port || !from.IP.Equal(want.IP) {
			t.Errorf("the header says %v, want %v", from, want)
		}
	}
	if bad.accepted() != 1 {
		t.Errorf("the first address had %d connections, want 1", bad.accepted())
	}
	if got := up(p); got[0] || !got[1] {
		t.Errorf("up: got %v, want the second alone", got)
	}
	r.expectLog("msg=connected", "upstream="+good.addr)
	if got := r.server.Traffic().Sessions; len(got) != 1 || got[0].Upstream != good.addr {
		t.Errorf("sessions: got %+v, want one at %s", got, good.addr)
	}
	conn.Close()
	r.expectLog(`msg="session ended"`, "upstream="+good.addr)
}

// An address that nothing could be sent to has failed, whether or not there is another one.
func TestAnAddressThatIsGoneBeforeTheConnectIsSent(t *testing.T) {
	sent := frame(client(packets.V5, "u", "p"))
	t.Run("another is there", func(t *testing.T) {
		dialled := make(chan struct{})
		bad, good := newNode(&node{t: t, ending: &ending{reset: true}, answers: dialled}, "tcp"), newNode(&node{t: t}, "tcp")
		p := pool(t, upstream.Options{}, bad, good)
		r := newRig(t, func(o *options) { o.Upstream = waitsForEnd{p, dialled} })
		read(t, r.send(sent), accepting(packets.V5))
		if got := good.connects(); len(got) != 1 || !bytes.Equal(got[0], sent) {
			t.Errorf("the second address got % x, want the CONNECT once", got)
		}
		if got := up(p); got[0] || !got[1] {
			t.Errorf("up: got %v, want the second alone", got)
		}
	})
	t.Run("none is", func(t *testing.T) {
		dialled := make(chan struct{})
		bad := newNode(&node{t: t, ending: &ending{reset: true}, answers: dialled}, "tcp")
		p := pool(t, upstream.Options{}, bad)
		r := newRig(t, func(o *options) { o.Upstream = waitsForEnd{p, dialled} })
		if got := r.answer(sent); !bytes.Equal(got, wanted(auth.UpstreamUnavailable, packets.V5)) {
			t.Errorf("got % x, want to be told to come again", got)
		}
		if up(p)[0] {
			t.Error("the address is up")
		}
		r.expectLog("msg=refused", "reason=upstream_unavailable", bad.addr)
		proxytest.Eventually(t, "no session is left", func() bool { return r.server.Sessions() == 0 })
	})
}

// waitsForEnd is a dialer, to be used once, whose connection has ended when it is returned: it does so
// when it is told that it was dialled.
type waitsForEnd struct {
	proxy.Dialer
	dialled chan<- struct{}
}

func (d waitsForEnd) Dial(ctx context.Context, c upstream.Client) (upstream.Connection, error) {
	reached, err := d.Dialer.Dial(ctx, c)
	close(d.dialled)
	if err == nil {
		ctx.Done()
		_, _ = reached.Conn.Read(make([]byte, 1))
	}
	return reached, err
}

// A client whose CONNECT no address likes is no reason to hold the addresses to have failed: it could
// have all of them rest, for everybody.
func TestAConnectThatNobodyAnswersIsNobodysFailure(t *testing.T) {
	for _, e := range endings {
		if !e.reads {
			continue // what nothing could be sent to has failed
		}
		t.Run(e.name, func(t *testing.T) {
			nodes := []*node{newNode(&node{t: t, ending: &e}, "tcp"), newNode(&node{t: t, ending: &e}, "tcp"), newNode(&node{t: t, ending: &e}, "tcp")}
			p := pool(t, upstream.Options{}, nodes...)
			r := newRig(t, func(o *options) { o.Upstream = p })
			sent := frame(client(packets.V311, "u", "p"))
			if got := r.answer(sent); !bytes.Equal(got, wanted(auth.UpstreamUnavailable, packets.V311)) {
				t.Errorf("got % x, want to be told to come again", got)
			}
			for i, n := range nodes {
				if got := n.connects(); len(got) != 1 || !bytes.Equal(got[0], sent) {
					t.Errorf("address %d got % x, want the CONNECT once", i, got)
				}
			}
			for i, up := range up(p) {
				if !up {
					t.Errorf("address %d is held to have failed", i)
				}
			}
		})
	}
}

// A broker that has said anything has the client: nobody else gets its CONNECT.
func TestABrokerThatHasAnsweredKeepsTheClient(t *testing.T) {
	settings, trust := secureNodes(t)
	for name, says := range map[string][]byte{
		"a refusal":      packets.AppendConnack(nil, packets.V311, packets.ConnackNotAuthorized, ""),
		"half a CONNACK": {0x20, 2},
	} {
		for _, secure := range []bool{false, true} {
			first := &node{t: t, ending: &ending{reads: true, says: says, handshake: true}}
			second := &node{t: t}
			o := upstream.Options{}
			if secure {
				first.tls, second.tls, o.TLS = settings, settings, trust
			}
			p := pool(t, o, newNode(first, "tcp"), newNode(second, "tcp"))
			r := newRig(t, func(o *options) { o.Upstream = p })
			if got := r.answer(frame(client(packets.V311, "u", "p"))); !bytes.Equal(got, says) {
				t.Errorf("%s: got % x, want % x", name, got, says)
			}
			if second.accepted() != 0 || !up(p)[0] {
				t.Errorf("%s: the second address had %d connections, and the first is up: %v", name, second.accepted(), up(p)[0])
			}
		}
	}
}

// What a client sends behind its CONNECT reaches the broker that answers, once and in order, and no
// other.
func TestWhatFollowsTheConnectGoesToTheAddressThatAnswers(t *testing.T) {
	for _, e := range endings {
		bad, good := newNode(&node{t: t, ending: &e}, "tcp"), newNode(&node{t: t}, "tcp")
		r := newRig(t, func(o *options) { o.Upstream = pool(t, upstream.Options{}, bad, good) })
		connect := frame(client(packets.V311, "u", "p"))
		behind := bytes.Repeat([]byte("\x30\x08\x00\x05topicx"), 50)
		conn := r.send(append(bytes.Clone(connect), behind...))
		read(t, conn, accepting(packets.V311))
		read(t, conn, behind)
		echoes(t, conn)
		for _, got := range bad.connects() {
			if !bytes.Equal(got, connect) {
				t.Errorf("%s: the first address got % x, want the CONNECT alone", e.name, got)
			}
		}
	}
}

// An address that is slow to answer keeps the client, who gets the answer when it comes.
func TestASlowAnswerIsWaitedForElsewhere(t *testing.T) {
	answers := make(chan struct{})
	slow, other := newNode(&node{t: t, answers: answers}, "tcp"), newNode(&node{t: t}, "tcp")
	p := pool(t, upstream.Options{DialTimeout: 100 * time.Millisecond}, slow, other)
	r := newRig(t, func(o *options) { o.Upstream = p })
	behind := []byte("\x30\x08\x00\x05topicx")
	conn := r.send(append(frame(client(packets.V311, "u", "p")), behind...))
	r.expectLog("msg=connected", "upstream="+slow.addr)
	close(answers)
	read(t, conn, append(accepting(packets.V311), behind...))
	echoes(t, conn)
	if other.accepted() != 0 || !up(p)[0] {
		t.Errorf("the second address had %d connections, and the first is up: %v", other.accepted(), up(p)[0])
	}
}

// How many wait for an answer here is bounded: for whoever is one too many the relay does.
func TestHowManyAwaitAnAnswerIsBounded(t *testing.T) {
	answers := make(chan struct{})
	a, b := newNode(&node{t: t, answers: answers}, "tcp"), newNode(&node{t: t, answers: answers}, "tcp")
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = 1
		o.Upstream = pool(t, upstream.Options{}, a, b)
	})
	first := r.send(frame(client(packets.V311, "first", "p")))
	proxytest.Eventually(t, "the first has its CONNECT", func() bool { return len(a.connects()) == 1 })
	behind := []byte("\x30\x08\x00\x05topicx")
	second := r.send(append(frame(client(packets.V5, "second", "p")), behind...))
	r.expectLog("msg=connected", "username=second")
	for line := range strings.Lines(r.log.String()) {
		if containsAll(line, []string{"msg=connected", "username=first"}) {
			t.Errorf("nothing awaits an answer: %s", line)
		}
	}
	close(answers)
	read(t, first, accepting(packets.V311))
	read(t, second, append(accepting(packets.V5), behind...))
}

// Who waits for an answer keeps nobody else waiting, however the broker is reached.
func TestAnAnswerIsAwaitedByItself(t *testing.T) {
	for _, w := range ways(t) {
		if w.version > 0 {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			answers := make(chan struct{})
			first, second := &node{t: t, answers: answers}, &node{t: t}
			o := upstream.Options{}
			if w.secure {
				settings, trust := secureNodes(t)
				first.tls, second.tls, o.TLS = settings, settings, trust
			}
			r := newRig(t, func(os *options) {
				os.Upstream = pool(t, o, newNode(first, w.network), newNode(second, w.network))
				if w.change != nil {
					w.change(os)
				}
			})
			waiting := r.send(frame(client(packets.V5, "u", "p")))
			proxytest.Eventually(t, "the broker has its CONNECT", func() bool { return len(first.connects()) == 1 })
			read(t, r.send(frame(client(packets.V311, "u", "p"))), accepting(packets.V311))
			close(answers)
			read(t, waiting, accepting(packets.V5))
		})
	}
}

// Close does not wait for an answer, whichever address it is that was asked, and nobody else is.
func TestCloseWhileAnAnswerIsAwaited(t *testing.T) {
	for name, e := range map[string]*ending{"the first": nil, "the second": {reads: true}} {
		t.Run(name, func(t *testing.T) {
			answers := make(chan struct{})
			defer close(answers)
			mute, last := newNode(&node{t: t, answers: answers}, "tcp"), newNode(&node{t: t}, "tcp")
			nodes := []*node{mute, last}
			if e != nil {
				nodes = []*node{newNode(&node{t: t, ending: e}, "tcp"), mute, last}
			}
			p := pool(t, upstream.Options{}, nodes...)
			r := newRig(t, func(o *options) { o.Upstream = p })
			r.send(frame(client(packets.V5, "u", "p")))
			proxytest.Eventually(t, "the broker has the CONNECT", func() bool { return len(mute.connects()) == 1 })
			begun := time.Now()
			r.server.Close()
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("Close took %v", took)
			}
			if last.accepted() != 0 {
				t.Errorf("the last address had %d connections", last.accepted())
			}
			for i, up := range up(p) {
				if !up {
					t.Errorf("address %d is held to have failed", i)
				}
			}
		})
	}
}
