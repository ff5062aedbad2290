package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
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
	"mqttward/proxy/secure"
	"mqttward/proxy/upstream"
)

// versions are all that clients may speak.
var versions = []packets.Version{packets.V31, packets.V311, packets.V5}

// stageFunc is an authenticator of one line.
type stageFunc func(ctx context.Context, c *auth.Credentials) auth.Verdict

func (stageFunc) Name() string { return "test" }

func (f stageFunc) Authenticate(ctx context.Context, c *auth.Credentials) auth.Verdict {
	ctx.Done() // what f does may take its time
	return f(ctx, c)
}

// always is a stage that gives everybody the same verdict.
func always(v auth.Verdict) auth.Authenticator {
	return stageFunc(func(context.Context, *auth.Credentials) auth.Verdict { return v })
}

// letIn is a chain that accepts everybody.
func letIn(t testing.TB) *auth.Chain { return chainOf(t, always(auth.Accepted(auth.Identity{}))) }

func chainOf(t testing.TB, stages ...auth.Authenticator) *auth.Chain {
	t.Helper()
	c, err := auth.NewChain(auth.Options{Stages: stages, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// options are what a test may change before the server starts.
type options struct {
	proxy.Options
	broker proxytest.BrokerOptions
	tls    *tls.Config
	// certName says what of a client's certificate is its name.
	certName secure.NameField
	// ofNet has the listener be one of package net, whose clients have a goroutine each.
	ofNet bool
}

// rig is a server on a loopback port, in front of a broker that records.
type rig struct {
	t      testing.TB
	server *proxy.Server
	broker *proxytest.Broker
	addr   string
	log    *proxytest.Log
	level  *slog.LevelVar // of log: at debug level judging is explained
}

// newRig starts a server that lets everybody in, as change has it.
func newRig(t testing.TB, change func(*options)) *rig {
	t.Helper()
	proxytest.CheckLeaks(t)
	log, level := &proxytest.Log{}, &slog.LevelVar{}
	level.Set(slog.LevelDebug)
	engine, _, _, err := relay.New(relay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	o := &options{Options: proxy.Options{
		Policy: proxy.Policy{Chain: letIn(t), Limits: proxy.Limits{HalfCloseTimeout: 2 * time.Second}},
		Relay:  engine,
		Log:    slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level})),
	}}
	if change != nil {
		change(o)
	}
	r := &rig{t: t, log: log, level: level, broker: proxytest.NewBroker(t, o.broker)}
	if o.Upstream == nil {
		pool, err := upstream.New(upstream.Options{Addresses: []string{r.broker.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		o.Upstream = pool
	}
	listen := proxy.Listen
	if o.ofNet {
		listen = func(_ context.Context, bind string) (net.Listener, error) { return net.Listen("tcp", bind) }
	}
	l, err := listen(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	o.TLS = map[string]proxy.TLS{"main": {Config: o.tls, Name: o.certName}}
	r.server = proxy.NewServer(o.Options)
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(proxy.Listener{Listener: l, Name: "main", Secure: o.tls != nil}) }()
	t.Cleanup(func() {
		r.server.Close()
		if err := <-served; !errors.Is(err, proxy.ErrServerClosed) {
			t.Errorf("Serve: got %v, want ErrServerClosed", err)
		}
	})
	return r
}

// dial opens a connection, which is closed with the test.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// send opens a connection and writes p.
func (r *rig) send(p []byte) net.Conn {
	r.t.Helper()
	c := r.dial()
	if _, err := c.Write(p); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// answer opens a connection, writes p and returns all that comes until the end.
func (r *rig) answer(p []byte) []byte {
	r.t.Helper()
	c := r.send(p)
	defer c.Close()
	return readAll(r.t, c)
}

// readAll reads until the stream ends, by whatever means.
func readAll(t testing.TB, c net.Conn) []byte {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection was not closed; so far: % x", got)
	}
	return got
}

// read reads as many bytes as want has, and compares.
func read(t testing.TB, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read: got % x, %v, want % x", got[:n], err, want)
	}
}

// expectUpstream demands that the broker was reached by exactly n connections.
func (r *rig) expectUpstream(n int) {
	r.t.Helper()
	if got := r.broker.Accepted(); got != n {
		r.t.Errorf("connections to the broker: got %d, want %d", got, n)
	}
}

// connected dials, is let in, and returns the connection after the broker's CONNACK.
func (r *rig) connected(c packets.Connect) net.Conn {
	r.t.Helper()
	conn := r.send(frame(c))
	read(r.t, conn, accepting(c.Version))
	return conn
}

// accepting is the CONNACK of the broker.
func accepting(v packets.Version) []byte {
	return packets.AppendConnack(nil, v, packets.Success, "")
}

// frame is a CONNECT.
func frame(c packets.Connect) []byte {
	c.CleanStart = true
	return packets.AppendConnect(nil, &c)
}

// client is a CONNECT with a user name and a password; an empty one is left out.
func client(v packets.Version, user, password string) packets.Connect {
	return packets.Connect{
		Version: v, ClientID: []byte("device-1"), KeepAlive: 60,
		HasUserName: user != "", UserName: []byte(user),
		HasPassword: password != "", Password: []byte(password),
	}
}

// expectLog waits for a line that holds all of parts.
func (r *rig) expectLog(parts ...string) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		for line := range strings.Lines(r.log.String()) {
			if containsAll(line, parts) {
				return
			}
		}
		time.Sleep(2 * time.Millisecond)
	}
	r.t.Errorf("the log has no line with %q:\n%s", parts, r.log.String())
}

func containsAll(line string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(line, p) {
			return false
		}
	}
	return true
}
