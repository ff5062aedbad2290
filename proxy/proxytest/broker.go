package proxytest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"mqttward/packets"
)

// BrokerOptions say how a [Broker] behaves. The zero value accepts every CONNECT and sends
// back whatever follows it.
type BrokerOptions struct {
	// Addr is where it listens, "host:port"; empty means a loopback port that is free.
	Addr string
	// TLS makes the broker speak TLS.
	TLS *tls.Config
	// Connack, where it is not nil, is sent for each CONNECT instead of an accepting one.
	// An empty slice sends none.
	Connack []byte
	// Handle, where it is not nil, has each connection after its CONNACK, instead of the
	// echo. It is closed afterwards.
	Handle func(conn net.Conn)
}

// Broker is a broker that records what it is sent. It is safe for concurrent use.
type Broker struct {
	t        testing.TB
	o        BrokerOptions
	listener net.Listener
	done     sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	accepted int
	connects [][]byte
}

// NewBroker starts a broker; it ends with the test.
func NewBroker(t testing.TB, o BrokerOptions) *Broker {
	t.Helper()
	l, err := net.Listen("tcp", cmp.Or(o.Addr, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	if o.TLS != nil {
		l = tls.NewListener(l, o.TLS)
	}
	b := &Broker{t: t, o: o, listener: l, conns: map[net.Conn]struct{}{}}
	b.done.Go(b.serve)
	t.Cleanup(b.Close)
	return b
}

// Addr is the broker's "host:port".
func (b *Broker) Addr() string { return b.listener.Addr().String() }

// Accepted is the number of connections so far.
func (b *Broker) Accepted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted
}

// Connects are the first packets so far, one for each connection that sent a whole one.
func (b *Broker) Connects() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([][]byte(nil), b.connects...)
}

// Close stops the broker, and waits until nothing is left of it.
func (b *Broker) Close() {
	b.listener.Close()
	b.mu.Lock()
	for conn := range b.conns {
		conn.Close()
	}
	b.mu.Unlock()
	b.done.Wait()
}

func (b *Broker) serve() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.accepted++
		b.conns[conn] = struct{}{}
		b.mu.Unlock()
		b.done.Go(func() {
			defer func() {
				conn.Close()
				b.mu.Lock()
				delete(b.conns, conn)
				b.mu.Unlock()
			}()
			b.handle(conn)
		})
	}
}

func (b *Broker) handle(conn net.Conn) {
	all, n, err := packets.ReadConnect(conn, nil, 1<<20)
	if err != nil {
		return
	}
	b.mu.Lock()
	b.connects = append(b.connects, bytes.Clone(all[:n]))
	b.mu.Unlock()
	connack := b.o.Connack
	if connack == nil {
		var c packets.Connect
		if err := packets.ParseConnect(all[:n], &c); err != nil {
			b.t.Errorf("the broker was sent a bad CONNECT: %v", err)
			return
		}
		connack = packets.AppendConnack(nil, c.Version, packets.Success, "")
	}
	if _, err := conn.Write(connack); err != nil {
		return
	}
	// What came with CONNECT is handed on as if it were read now.
	conn = &rereadConn{Conn: conn, Reader: io.MultiReader(bytes.NewReader(all[n:]), conn)}
	if b.o.Handle != nil {
		b.o.Handle(conn)
		return
	}
	_, _ = io.Copy(struct{ io.Writer }{conn}, conn)
}

// rereadConn reads from Reader.
type rereadConn struct {
	net.Conn
	io.Reader
}

func (c *rereadConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// patience is a time that no machine needs, however many others are at work on it.
const patience = 30 * time.Second

// Eventually fails the test unless ok becomes true while there is patience.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
