package proxy_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pires/go-proxyproto"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// ending is how a node ends connections before it has answered a CONNECT.
type ending struct {
	name      string
	reads     bool   // the CONNECT, first
	says      []byte // and this
	reset     bool
	handshake bool // TLS comes to its end first; without it, it is the handshake that fails
}

// endings are those of plain connections.
var endings = []ending{
	{name: "closes at once"},
	{name: "resets at once", reset: true},
	{name: "closes after the CONNECT", reads: true},
	{name: "resets after the CONNECT", reads: true, reset: true},
}

// node is an address of a broker. One with an ending serves nobody; another one accepts everybody
// and sends back what it is sent.
type node struct {
	t       testing.TB
	addr    string // as configured
	tls     *tls.Config
	proxied bool // a PROXY header comes first
	ending  *ending
	answers <-chan struct{} // or ends, once it is closed; nil: at once

	mu      sync.Mutex
	heard   [][]byte // what came up to the CONNECT, and with it
	headers []*proxyproto.Header
	conns   int
}

// newNode starts a node on a TCP port, or on a unix socket where that is the network.
func newNode(n *node, network string) *node {
	n.t.Helper()
	at := "127.0.0.1:0"
	if network == "unix" {
		at = filepath.Join(n.t.TempDir(), "s")
	}
	l, err := net.Listen(network, at)
	if err != nil {
		n.t.Fatal(err)
	}
	n.addr = l.Addr().String()
	if network == "unix" {
		n.addr = "unix:" + n.addr
	}
	var serving sync.WaitGroup
	conns := map[net.Conn]bool{}
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.mu.Lock()
			conns[c] = true
			n.conns++
			n.mu.Unlock()
			serving.Go(func() { n.serve(c) })
		}
	})
	n.t.Cleanup(func() {
		l.Close()
		n.mu.Lock()
		for c := range conns {
			c.Close()
		}
		n.mu.Unlock()
		serving.Wait()
	})
	return n
}

func (n *node) serve(c net.Conn) {
	defer c.Close()
	if e := n.ending; e != nil && e.reset {
		if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
			_ = l.SetLinger(0)
		}
	}
	if n.ending != nil && !n.ending.reads && !n.ending.handshake {
		if n.answers != nil {
			<-n.answers
		}
		return
	}
	from := bufio.NewReader(c)
	if n.proxied {
		n.readHeader(from)
	}
	conn := net.Conn(&behindHeader{c, from})
	if n.tls != nil {
		secure := tls.Server(conn, n.tls)
		if secure.Handshake() != nil {
			return
		}
		conn = secure
	}
	if n.ending != nil && !n.ending.reads {
		return
	}
	all, size, err := packets.ReadConnect(conn, nil, 1<<20)
	if err != nil {
		return
	}
	n.mu.Lock()
	n.heard = append(n.heard, all)
	n.mu.Unlock()
	if n.ending != nil {
		_, _ = conn.Write(n.ending.says)
		return
	}
	if n.answers != nil {
		<-n.answers
	}
	var connect packets.Connect
	if err := packets.ParseConnect(all[:size], &connect); err != nil {
		n.t.Errorf("CONNECT: %v", err)
		return
	}
	_, _ = conn.Write(accepting(connect.Version))
	_, _ = conn.Write(all[size:])
	_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn})
}

// readHeader reads the PROXY header that must come first.
func (n *node) readHeader(from *bufio.Reader) {
	h, err := proxyproto.Read(from)
	if err != nil {
		n.t.Errorf("PROXY header: %v", err)
		return
	}
	n.mu.Lock()
	n.headers = append(n.headers, h)
	n.mu.Unlock()
}

// behindHeader is a connection whose first bytes went through a buffer.
type behindHeader struct {
	net.Conn
	from *bufio.Reader
}

func (c *behindHeader) Read(p []byte) (int, error) { return c.from.Read(p) }

// connects are what came with each CONNECT.
func (n *node) connects() [][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([][]byte(nil), n.heard...)
}

// accepted is how many connections there were.
func (n *node) accepted() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conns
}

// header is the only PROXY header that came.
func (n *node) header() *proxyproto.Header {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.headers) != 1 {
		n.t.Fatalf("%d PROXY headers came, want 1", len(n.headers))
	}
	return n.headers[0]
}

// secureNodes are the settings of nodes that speak TLS, and of those who connect to them.
func secureNodes(t testing.TB) (nodes, clients *tls.Config) {
	ca := proxytest.NewCA(t, "broker")
	return &tls.Config{Certificates: []tls.Certificate{ca.Issue("broker")}}, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
}
