package relay_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// engines are what the suite runs over: every engine serves every kind of connection.
var engines = []string{relay.EngineGoroutine, relay.EngineEpoll, relay.EngineUring}

// newEngine returns an engine, or skips the test where this system does not have it: io_uring may be
// forbidden, all else has to be there.
func newEngine(t testing.TB, name string) relay.Relay {
	t.Helper()
	engine, _, _, err := relay.New(relay.Options{Engine: name})
	if err != nil && runtime.GOOS == "linux" && name != relay.EngineUring {
		t.Fatal(err)
	} else if err != nil {
		t.Skip(err)
	}
	t.Cleanup(engine.Close)
	return engine
}

// kinds are the connections that a session may be made of.
var kinds = map[string]func(t testing.TB) (ours, theirs net.Conn){
	"tcp":  tcpPair,
	"unix": unixPair,
	"tls":  tlsPair,
}

// eachEngine runs test over every engine, with every kind of connection on both sides.
func eachEngine(t *testing.T, halfClose time.Duration, test func(t *testing.T, r *rig)) {
	for _, name := range engines {
		for kind, pair := range kinds {
			t.Run(name+"/"+kind, func(t *testing.T) {
				proxytest.CheckLeaks(t)
				test(t, newRig(t, newEngine(t, name), halfClose, pair))
			})
		}
	}
}

// rig is a session with its two peers.
type rig struct {
	t              testing.TB
	client, broker net.Conn // the peers' ends
	link           relay.Link
	connacks       chan connack
	ends           chan relay.End
	pair           relay.Pair
	engine         relay.Relay
	kind           func(testing.TB) (ours, theirs net.Conn)
}

type connack struct {
	code packets.ReasonCode
	err  error
}

func newRig(t testing.TB, engine relay.Relay, halfClose time.Duration, pair func(testing.TB) (ours, theirs net.Conn)) *rig {
	r := &rig{t: t, engine: engine, kind: pair, connacks: make(chan connack, 2), ends: make(chan relay.End, 2)}
	r.pair.HalfCloseTimeout = halfClose
	r.pair.Client, r.client = pair(t)
	r.pair.Upstream, r.broker = pair(t)
	r.pair.Owner = r
	t.Cleanup(func() {
		r.client.Close()
		r.broker.Close()
		if r.link != nil {
			r.link.Kill("test_over")
		}
	})
	return r
}

// Connack and Ended implement relay.Owner.
func (r *rig) Connack(code packets.ReasonCode, err error) { r.connacks <- connack{code, err} }
func (r *rig) Ended(e relay.End)                          { r.ends <- e }

// start starts the session, and has the broker accept it where version is not 0.
func (r *rig) start(version packets.Version) {
	r.t.Helper()
	r.link = r.engine.Start(r.pair)
	if version == 0 {
		return
	}
	answer := packets.AppendConnack(nil, version, packets.Success, "")
	send(r.t, r.broker, answer)
	expect(r.t, r.client, answer)
	if got := <-r.connacks; got.err != nil || got.code != packets.Success {
		r.t.Fatalf("Connack: got %v, %v", got.code, got.err)
	}
}

// end waits for the session's end.
func (r *rig) end() relay.End {
	r.t.Helper()
	select {
	case e := <-r.ends:
		return e
	case <-time.After(20 * time.Second):
		r.t.Fatal("the session did not end")
		return relay.End{}
	}
}

func (r *rig) expectCause(want relay.Cause) relay.End {
	r.t.Helper()
	e := r.end()
	if e.Cause != want {
		r.t.Errorf("cause: got %q, want %q", e.Cause, want)
	}
	return e
}

func send(t testing.TB, c net.Conn, p []byte) {
	t.Helper()
	c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(p); err != nil {
		t.Fatalf("write %d bytes: %v", len(p), err)
	}
}

func expect(t testing.TB, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read: got % x, %v, want % x", head(got[:n]), err, head(want))
	}
}

// expectEnd reads to the end of c's stream, and demands that it is an orderly one.
func expectEnd(t testing.TB, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
		t.Errorf("end of stream: got % x, %v, want nothing more and no error", head(rest), err)
	}
}

func head(p []byte) []byte { return p[:min(len(p), 32)] }

func closeWrite(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// publish is a QoS 0 PUBLISH whose payload has n bytes.
func publish(n int) []byte {
	body := append([]byte{0, 1, 't'}, bytes.Repeat([]byte{'x'}, n)...)
	p := []byte{0x30}
	for rest := len(body); ; {
		b := byte(rest % 128)
		if rest /= 128; rest == 0 {
			return append(append(p, b), body...)
		}
		p = append(p, b|0x80)
	}
}

func tcpPair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	return pairOver(t, "tcp", "127.0.0.1:0")
}

func unixPair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	return pairOver(t, "unix", filepath.Join(t.TempDir(), "s"))
}

func pairOver(t testing.TB, network, address string) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

func tlsPair(t testing.TB) (ours, theirs net.Conn) {
	t.Helper()
	lower, upper := tcpPair(t)
	ca := proxytest.NewCA(t, "test")
	server := tls.Server(relay.NewWire(lower), &tls.Config{Certificates: []tls.Certificate{ca.Issue("server")}})
	client := tls.Client(upper, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
	failed := make(chan error, 1)
	go func() { failed <- server.Handshake() }()
	if err := client.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return server, client
}
