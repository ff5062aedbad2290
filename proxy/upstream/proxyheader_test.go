package upstream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"
	"github.com/pires/go-proxyproto/tlvparse"

	"mqttward/proxy/proxytest"
)

// parsed reads a header that must be the whole of b.
func parsed(t *testing.T, b []byte) (h *proxyproto.Header, ssl tlvparse.PP2SSL, authority string) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(b))
	h, err := proxyproto.Read(r)
	if err != nil || r.Buffered() > 0 {
		t.Fatalf("%q: %v, with %d bytes behind it", b, err, r.Buffered())
	}
	tlvs, err := h.TLVs()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range tlvs {
		switch v.Type {
		case proxyproto.PP2_TYPE_AUTHORITY:
			authority = string(v.Value)
		case proxyproto.PP2_TYPE_SSL:
			if ssl, err = tlvparse.SSL(v); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("type %x", v.Type)
		}
	}
	return h, ssl, authority
}

func TestHeaderTellsTheAddresses(t *testing.T) {
	at := netip.MustParseAddrPort
	for _, test := range []struct {
		peer, local netip.AddrPort
		v1          string
	}{
		{at("203.0.113.7:4711"), at("192.0.2.1:1883"), "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\r\n"},
		{at("[::ffff:203.0.113.7]:4711"), at("192.0.2.1:1883"), "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\r\n"},
		{at("[2001:db8::7]:4711"), at("[2001:db8::1]:1883"), "PROXY TCP6 2001:db8::7 2001:db8::1 4711 1883\r\n"},
		{at("[fe80::1%eth0]:4711"), at("[fe80::2%eth0]:1883"), "PROXY TCP6 fe80::1 fe80::2 4711 1883\r\n"},
		{netip.AddrPort{}, netip.AddrPort{}, "PROXY UNKNOWN\r\n"},
	} {
		c := Client{Peer: test.peer, Local: test.local}
		b, err := ProxyProtocol{Version: 1}.header(&c)
		if err != nil || string(b) != test.v1 {
			t.Errorf("v1 of %v: got %q, %v, want %q", test.peer, b, err, test.v1)
		}
		b, err = ProxyProtocol{Version: 2}.header(&c)
		if err != nil {
			t.Fatal(err)
		}
		h, _, _ := parsed(t, b)
		from, to, ok := h.TCPAddrs()
		if ok != test.peer.IsValid() || ok && (from.AddrPort().Port() != 4711 || from.AddrPort().Addr().Unmap() != test.peer.Addr().Unmap().WithZone("") ||
			to.AddrPort().Addr().Unmap() != test.local.Addr().WithZone("")) {
			t.Errorf("v2 of %v: got %v to %v", test.peer, from, to)
		}
		if !ok && !h.Command.IsLocal() {
			t.Errorf("v2 of nobody: got command %v", h.Command)
		}
	}
	if b, err := (ProxyProtocol{}).header(&Client{}); b != nil || err != nil {
		t.Errorf("off: got %q, %v", b, err)
	}
}

// secured returns the server's end of a TLS connection whose client has the certificate, if any.
func secured(t *testing.T, certificate *tls.Certificate) *tls.Conn {
	t.Helper()
	ca := proxytest.NewCA(t, "ward")
	clients := proxytest.NewCA(t, "clients")
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	theirs := &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"}
	ours := &tls.Config{Certificates: []tls.Certificate{ca.Issue("localhost")}}
	if certificate != nil {
		*certificate = clients.Issue("device-7")
		theirs.Certificates = []tls.Certificate{*certificate}
		ours.ClientAuth, ours.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
	}
	client := tls.Client(far, theirs)
	go client.Handshake()
	server := tls.Server(near, ours)
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	return server
}

func TestHeaderTellsOfTLS(t *testing.T) {
	for _, test := range []struct {
		name                  string
		identity              string
		withIdentity, withTLS bool
		withCertificate       bool
		wantCN                string
		verified              bool
		client                byte
	}{
		{"in clear", "someone", false, false, false, "", false, 0},
		{"in clear, with an identity", "someone", true, false, false, "someone", true, 0},
		{"TLS", "someone", false, true, false, "", false, 1},
		{"TLS, with an identity", "søren", true, true, false, "søren", true, 1},
		{"a certificate", "someone", false, true, true, "device-7", true, 7},
		{"a certificate, with an identity", "someone", true, true, true, "someone", true, 7},
		// Nothing is proven but the certificate: its name must not pass for an identity.
		{"a certificate, and nothing proven", "", true, true, true, "", true, 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Client{Identity: test.identity, Peer: netip.MustParseAddrPort("203.0.113.7:1"), Local: netip.MustParseAddrPort("192.0.2.1:2")}
			if test.withTLS {
				var certificate *tls.Certificate
				if test.withCertificate {
					certificate = &tls.Certificate{}
				}
				c.Conn = secured(t, certificate)
			}
			b, err := ProxyProtocol{Version: 2, Identity: test.withIdentity}.header(&c)
			if err != nil {
				t.Fatal(err)
			}
			_, ssl, authority := parsed(t, b)
			cn, _ := ssl.ClientCN()
			version, _ := ssl.SSLVersion()
			cipher, _ := ssl.SSLCipher()
			if cn != test.wantCN || ssl.Client != test.client || (len(ssl.TLV) > 0 && ssl.Verified() != test.verified) {
				t.Errorf("got name %q, flags %x, verified %v", cn, ssl.Client, ssl.Verified())
			}
			if test.withTLS && (authority != "localhost" || version != "TLSv1.3" || !strings.HasPrefix(cipher, "TLS_")) {
				t.Errorf("got authority %q, version %q, cipher %q", authority, version, cipher)
			}
			if !test.withTLS && authority+version+cipher != "" {
				t.Errorf("in clear: got authority %q, version %q, cipher %q", authority, version, cipher)
			}
		})
	}
}

// What a client writes where a server's name belongs must neither forge a line nor make a header that is
// too long: that would count as a broker that is down.
func TestServerNamesThatAreNoneAreNotTold(t *testing.T) {
	for _, name := range []string{strings.Repeat("x", 65200), strings.Repeat("x", maxHost+1), "a\nb", "a\xffb"} {
		certificate := proxytest.NewCA(t, "ward").Issue("localhost")
		near, far := net.Pipe()
		near.SetDeadline(time.Now().Add(10 * time.Second))
		far.SetDeadline(time.Now().Add(10 * time.Second))
		go tls.Client(far, &tls.Config{ // what it says is as short as can be, but for the name
			ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
		}).Handshake()
		server := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{certificate}})
		if err := server.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := server.ConnectionState().ServerName; got != name {
			t.Fatalf("the client asked for %d bytes, want %d", len(got), len(name))
		}
		c := Client{Conn: server, Identity: strings.Repeat("i", maxIdentity), Peer: netip.MustParseAddrPort("[2001:db8::1]:1"), Local: netip.MustParseAddrPort("[2001:db8::2]:2")}
		b, err := ProxyProtocol{Version: 2, Identity: true}.header(&c)
		if err != nil {
			t.Errorf("a name of %d bytes: %v", len(name), err)
			continue
		}
		if _, _, authority := parsed(t, b); authority != "" {
			t.Errorf("a name of %d bytes is told with %d", len(name), len(authority))
		}
		near.Close()
		far.Close()
	}
}

// A name that would read as something else in somebody's log, or that no header takes, is no name,
// and nobody is dialled for it.
func TestIdentitiesThatCantBeTold(t *testing.T) {
	o := &tries{}
	p, err := New(Options{Addresses: []string{"127.0.0.1:1"}, ProxyProtocol: ProxyProtocol{Version: 2, Identity: true}, Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\x00b", "a\nb", "a\x7fb", "a\u0085b", "a\xffb", strings.Repeat("x", maxIdentity+1)} {
		if _, err := p.Dial(context.Background(), Client{Identity: name}); !errors.Is(err, ErrIdentity) || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%q: got %v, want ErrIdentity", name, err)
		}
	}
	if len(o.all) != 0 {
		t.Errorf("got %v, want no try", o.all)
	}
}

// The broker gets the header first: below TLS where there is TLS, and else from whoever sends the
// CONNECT.
func TestHeaderGoesBelowTLS(t *testing.T) {
	proxytest.CheckLeaks(t)
	ca := proxytest.NewCA(t, "broker")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := Client{Peer: netip.MustParseAddrPort("203.0.113.7:4711"), Local: netip.MustParseAddrPort("192.0.2.1:1883")}
	const header = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\r\n"
	for _, conf := range []*tls.Config{nil, {RootCAs: ca.Pool()}} {
		p, err := New(Options{Addresses: []string{l.Addr().String()}, TLS: conf, ProxyProtocol: ProxyProtocol{Version: 1}})
		if err != nil {
			t.Fatal(err)
		}
		told := make(chan string, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			got := make([]byte, len(header))
			_, _ = io.ReadFull(conn, got)
			if conf != nil {
				_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{ca.Issue("broker")}}).Handshake()
			}
			told <- string(got)
		}()
		reached, err := p.Dial(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer reached.Conn.Close()
		if conf == nil {
			_, _ = reached.Conn.Write(reached.Header)
		} else if reached.Header != nil {
			t.Errorf("with TLS: got the header %q again", reached.Header)
		}
		if got := <-told; got != header {
			t.Errorf("the broker got %q, want %q", got, header)
		}
	}
}
