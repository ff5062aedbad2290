package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"log/slog"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
	"mqttward/proxy/upstream"
)

// pipes is a server whose connections are made of memory, so that its clock can be a bubble's.
type pipes struct {
	t      *testing.T
	server *proxy.Server
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	broker chan net.Conn // the broker's end of what was dialled
}

// newPipes starts a server inside a synctest bubble; it is closed by the function returned.
func newPipes(t *testing.T, change func(*proxy.Options)) (*pipes, func()) {
	p := &pipes{t: t, conns: make(chan net.Conn), closed: make(chan struct{}), broker: make(chan net.Conn, 8)}
	o := proxy.Options{
		Policy: proxy.Policy{Chain: letIn(t), Upstream: p},
		Relay:  relay.Goroutines{},
		Log:    slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	p.server = proxy.NewServer(o)
	served := make(chan error, 1)
	go func() { served <- p.server.Serve(proxy.Listener{Listener: p, Name: "main", Secure: len(o.TLS) > 0}) }()
	return p, func() {
		p.server.Close()
		<-served
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) Dial(context.Context, upstream.Client) (upstream.Connection, error) {
	ours, theirs := net.Pipe()
	p.broker <- theirs
	return reached(ours), nil
}

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- ours
	return theirs
}

func TestConnectTimeoutOfASilentClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, nil)
		defer stop()
		begun := time.Now()
		c := p.dial()
		if got, err := io.ReadAll(c); err != nil || len(got) > 0 {
			t.Errorf("got % x, %v, want a plain close", got, err)
		}
		if took := time.Since(begun); took != 15*time.Second {
			t.Errorf("closed after %v, want 15s", took)
		}
	})
}

// One byte a second keeps nothing open: the deadline is one for the whole CONNECT.
func TestConnectTimeoutOfASlowClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, nil)
		defer stop()
		begun := time.Now()
		c := p.dial()
		for _, b := range frame(client(packets.V5, "user", "password")) {
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(begun); took < 15*time.Second || took > 17*time.Second {
			t.Errorf("closed after %v, want 15s", took)
		}
		if len(p.broker) > 0 {
			t.Error("the broker was dialled")
		}
	})
}

func TestAuthTimeoutIsBusy(t *testing.T) {
	for _, v := range versions {
		synctest.Test(t, func(t *testing.T) {
			p, stop := newPipes(t, func(o *proxy.Options) {
				o.Chain = chainOf(t, stageFunc(func(ctx context.Context, _ *auth.Credentials) auth.Verdict {
					<-ctx.Done()
					return auth.Accepted(auth.Identity{}) // even a stage that says yes is too late
				}))
			})
			defer stop()
			begun := time.Now()
			c := p.dial()
			go c.Write(frame(client(v, "u", "p")))
			got := make([]byte, 5)
			n, _ := io.ReadFull(c, got[:len(wanted(auth.Busy, v))])
			if !bytes.Equal(got[:n], wanted(auth.Busy, v)) {
				t.Errorf("%v: got % x, want % x", v, got[:n], wanted(auth.Busy, v))
			}
			if took := time.Since(begun); took != 10*time.Second {
				t.Errorf("refused after %v, want 10s", took)
			}
			if len(p.broker) > 0 {
				t.Error("the broker was dialled")
			}
		})
	}
}

func TestConnackTimeoutClosesBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, nil)
		defer stop()
		c := p.dial()
		packet := frame(client(packets.V5, "u", "p"))
		go c.Write(packet)
		broker := <-p.broker
		got := make([]byte, len(packet))
		if _, err := io.ReadFull(broker, got); err != nil || !bytes.Equal(got, packet) {
			t.Fatalf("the broker got % x, %v", got, err)
		}
		begun := time.Now()
		rest, _ := io.ReadAll(c)
		if len(rest) > 0 {
			t.Errorf("the client got % x, want nothing", rest)
		}
		// A pipe has no half-close: the second side is closed when its time-out has passed.
		if took := time.Since(begun); took < 30*time.Second || took > 42*time.Second {
			t.Errorf("closed after %v, want 30s to 42s", took)
		}
		if _, err := broker.Read(got); err == nil {
			t.Error("the broker's side is still open")
		}
	})
}

func TestAcceptErrorsBackOffAndAreRecoveredFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, nil)
		defer stop()
		failing := &failingListener{pipes: p, failures: 10}
		served := make(chan error, 1)
		begun := time.Now()
		go func() { served <- p.server.Serve(proxy.Listener{Listener: failing, Name: "failing"}) }()
		synctest.Wait()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		// 5 ms doubling to 640 ms, and then a second each: 1.275 s and two seconds.
		if failing.calls != 11 {
			t.Errorf("accept was called %d times, want 11", failing.calls)
		}
		if took := failing.last.Sub(begun); took != 3275*time.Millisecond {
			t.Errorf("the tenth retry came after %v, want 3.275s", took)
		}
		p.server.Close()
		if err := <-served; !errors.Is(err, proxy.ErrServerClosed) {
			t.Errorf("Serve: got %v, want ErrServerClosed", err)
		}
	})
}

// failingListener fails a number of times, as accept does without descriptors.
type failingListener struct {
	*pipes
	failures, calls int
	last            time.Time
}

func (l *failingListener) Accept() (net.Conn, error) {
	l.calls++
	l.last = time.Now()
	if l.calls <= l.failures {
		return nil, errors.New("too many open files")
	}
	return l.pipes.Accept()
}

func TestMaxConnectionsIsAnswered(t *testing.T) {
	r := newRig(t, func(o *options) { o.Limits.MaxConnections = 2 })
	first := r.connected(client(packets.V5, "u", "p"))
	r.connected(client(packets.V311, "u", "p"))
	for _, v := range versions {
		if got := r.answer(frame(client(v, "u", "p"))); !bytes.Equal(got, wanted(auth.Busy, v)) {
			t.Errorf("%v: got % x, want % x", v, got, wanted(auth.Busy, v))
		}
	}
	r.expectUpstream(2)
	// A place that is given back is taken again.
	first.Close()
	proxytest.Eventually(t, "the place is free again", func() bool {
		c := r.send(frame(client(packets.V5, "u", "p")))
		answer := make([]byte, 5)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := io.ReadFull(c, answer); err != nil {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		return bytes.Equal(answer, accepting(packets.V5))
	})
}

func TestMaxConnectSize(t *testing.T) {
	r := newRig(t, func(o *options) { o.Limits.MaxConnectSize = 200 })
	fits, over := client(packets.V5, "u", "p"), client(packets.V5, "u", "p")
	fits.Password = bytes.Repeat([]byte{'x'}, 200-len(frame(fits))) // the length field grows by one
	over.Password = append(bytes.Clone(fits.Password), 'x')
	if n := len(frame(fits)); n != 200 {
		t.Fatalf("the packet has %d bytes, want 200", n)
	}
	r.connected(fits)
	if got := r.answer(frame(over)); len(got) > 0 {
		t.Errorf("got % x, want a plain close", got)
	}
	r.expectLog("reason=too_large")
	r.expectUpstream(1)
}

func TestSilentConnectionsGiveWay(t *testing.T) {
	const places = 8
	r := newRig(t, func(o *options) { o.Limits.MaxHandshakes = places })
	live := r.connected(client(packets.V5, "u", "p"))
	silent := make([]net.Conn, 3*places)
	for i := range silent {
		silent[i] = r.dial()
	}
	// The oldest were closed, one for each that came beyond the places.
	for _, c := range silent[:len(silent)-places] {
		if got := readAll(t, c); len(got) > 0 {
			t.Errorf("got % x, want a plain close", got)
		}
	}
	// A newcomer is served, and the live session was never disturbed.
	r.connected(client(packets.V311, "u", "p"))
	ping := []byte{0xC0, 0}
	if _, err := live.Write(ping); err != nil {
		t.Fatal(err)
	}
	read(t, live, ping)
	r.expectLog("reason=busy", "gave way")
	r.expectLog("level=WARN", "max_handshakes is reached", "gave_way=", "busiest=127.0.0.1")
}

// A fleet that comes back at once over TLS, slowly, waits for its turn rather than being cut.
func TestSlowHerdOverTLSWaitsForItsTurn(t *testing.T) {
	const delay = 50 * time.Millisecond
	if silent, begun := proxy.Patience(); silent < 5*delay || begun < 20*delay {
		t.Errorf("nobody waits longer than %v and %v for those that take %v for each piece", silent, begun, delay)
	}
	// The herd is on this machine, and may be slower than any network when others are at work.
	t.Cleanup(proxy.SetPatience(20*time.Second, time.Minute))
	ca := proxytest.NewCA(t, "test")
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = 16
		o.tls = proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
	})
	const clients = 80
	var in sync.WaitGroup
	for range clients {
		in.Go(func() {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			c := tls.Client(&slowWriter{conn, delay}, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
			c.SetDeadline(time.Now().Add(time.Minute))
			_, err = c.Write(frame(client(packets.V311, "u", "p")))
			if err == nil {
				_, err = io.ReadFull(c, make([]byte, 4))
			}
			if err != nil {
				t.Errorf("a client of the herd: %v", err)
			}
		})
	}
	in.Wait()
}

// slowWriter delays each write, as a network does.
type slowWriter struct {
	net.Conn
	delay time.Duration
}

func (w *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(w.delay)
	return w.Conn.Write(p)
}

func TestJudgedConnectionsDoNotGiveWay(t *testing.T) {
	release := make(chan struct{})
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = 2
		o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
			<-release
			return auth.Accepted(auth.Identity{})
		}))
	})
	conns := make([]net.Conn, 6)
	for i := range conns {
		conns[i] = r.send(frame(client(packets.V5, "u", "p")))
	}
	// The first two hold the places; the others wait in the backlog, and get their turn.
	close(release)
	for _, c := range conns {
		read(t, c, accepting(packets.V5))
	}
}

// A broker that is slow to answer takes no place from those who have yet to be judged.
func TestDiallingTakesNoHandshakePlace(t *testing.T) {
	const places = 4
	dialling := make(chan struct{}, places+1)
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = places
		o.Upstream = dialFunc(func(ctx context.Context) (net.Conn, error) {
			dialling <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	for range places + 1 {
		r.send(frame(client(packets.V5, "u", "p")))
	}
	for range places + 1 {
		select {
		case <-dialling:
		case <-time.After(10 * time.Second):
			t.Fatal("a client that may come in waits for others that are being dialled for")
		}
	}
	proxytest.Eventually(t, "no place is taken", func() bool { return r.server.Handshakes() == 0 })
}

// Who waits in a stage's own bounded queue takes no place from those who have yet to be judged,
// unless its CONNECT is large: only the number of places bounds the memory of these.
func TestQueuedClientsTakeNoHandshakePlace(t *testing.T) {
	const places = 3
	large := client(packets.V5, "u", string(bytes.Repeat([]byte("p"), 4<<10)))
	for _, tc := range []struct {
		name   string
		packet []byte
		queued bool // the stage says so
		taken  int
	}{
		{"queued", frame(client(packets.V5, "u", "p")), true, 0},
		{"large, queued", frame(large), true, places},
		{"busy in the stage", frame(client(packets.V5, "u", "p")), false, places},
	} {
		t.Run(tc.name, func(t *testing.T) {
			judged, judging := make(chan struct{}), make(chan struct{}, 2*places)
			release := sync.OnceFunc(func() { close(judged) })
			r := newRig(t, func(o *options) {
				o.Limits.MaxHandshakes = places
				o.Chain = chainOf(t, stageFunc(func(ctx context.Context, c *auth.Credentials) auth.Verdict {
					if tc.queued {
						auth.Queued(ctx)
					}
					judging <- struct{}{}
					ctx.Done() // it is about to wait
					<-judged
					return auth.Accepted(auth.Identity{})
				}))
			})
			defer release()
			conns := make([]net.Conn, 0, 2*places)
			come := func() {
				conns = append(conns, r.send(tc.packet))
				select {
				case <-judging:
				case <-time.After(10 * time.Second):
					t.Fatal("a client waits for others that have no place to give")
				}
			}
			for range places {
				come()
			}
			if got := r.server.Handshakes(); got != tc.taken {
				t.Errorf("%d places are taken by those who are judged, want %d", got, tc.taken)
			}
			for tc.taken == 0 && len(conns) < cap(conns) {
				come()
			}
			release()
			for _, c := range conns {
				read(t, c, accepting(packets.V5))
			}
			proxytest.Eventually(t, "no place is taken", func() bool { return r.server.Handshakes() == 0 })
		})
	}
}

type dialFunc func(ctx context.Context) (net.Conn, error)

func (f dialFunc) Dial(ctx context.Context, _ upstream.Client) (upstream.Connection, error) {
	conn, err := f(ctx)
	return reached(conn), err
}

// reached is a connection to a broker that no pool knows.
func reached(conn net.Conn) upstream.Connection {
	return upstream.Connection{Conn: conn, Address: &upstream.Address{Name: "pipe"}}
}

// Refused clients that do not go away take no place from others, and are not waited for when
// there are many.
func TestRefusedClientsThatStayTakeNoPlace(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = 2
		o.Chain = chainOf(t, always(auth.Denied(auth.BadPassword, "")))
	})
	begun := time.Now()
	const clients = 200
	for range clients {
		c := r.send(frame(client(packets.V5, "u", "p")))
		read(t, c, wanted(auth.BadPassword, packets.V5)) // and stays
	}
	// With a place held for each one's 250 ms it would be 25 s.
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("%d refusals took %v", clients, took)
	}
}

// Two listeners share the places: a connection of one that stays silent must not keep one of
// the other waiting beyond its due.
func TestListenerThatWaitsForAPlaceIsWoken(t *testing.T) {
	judging, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	r := newRig(t, func(o *options) {
		o.Limits.MaxHandshakes = 1
		o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
			first.Do(func() {
				close(judging)
				<-release
			})
			return auth.Accepted(auth.Identity{})
		}))
	})
	l, err := proxy.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go r.server.Serve(proxy.Listener{Listener: l, Name: "second"})
	r.send(frame(client(packets.V5, "u", "p")))
	<-judging
	// One silent connection at each listener, and a good client behind each of them.
	var good []net.Conn
	for _, addr := range []string{r.addr, l.Addr().String()} {
		for _, packet := range [][]byte{nil, frame(client(packets.V311, "u", "p"))} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			c.Write(packet)
			if packet != nil {
				good = append(good, c)
			}
		}
	}
	begun := time.Now()
	close(release)
	for _, c := range good {
		read(t, c, accepting(packets.V311))
	}
	if took := time.Since(begun); took > 10*time.Second { // connect_timeout is 15 s
		t.Errorf("the good clients waited %v", took)
	}
}

// Close does not wait for a broker that does not read.
func TestCloseWhileAConnectIsBeingSent(t *testing.T) {
	ours, theirs := net.Pipe() // nobody reads at the other end
	defer theirs.Close()
	dialled := make(chan struct{})
	r := newRig(t, func(o *options) {
		o.Upstream = dialFunc(func(context.Context) (net.Conn, error) {
			close(dialled)
			return ours, nil
		})
	})
	r.send(frame(client(packets.V5, "u", "p")))
	<-dialled
	proxytest.Eventually(t, "the session has begun", func() bool { return r.server.Sessions() == 1 })
	begun := time.Now()
	r.server.Close()
	if took := time.Since(begun); took > 10*time.Second { // connect_timeout is 15 s, connack_timeout 30 s
		t.Errorf("Close took %v", took)
	}
}
