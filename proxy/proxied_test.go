package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// sigV2 begins a header of version 2.
const sigV2 = "\r\n\r\n\x00\r\nQUIT\n"

// headers are headers of 203.0.113.7:4711, whose connection was to 192.0.2.1:1883.
var headers = map[string]string{
	"v1": "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1883\r\n",
	"v2": sigV2 + "\x21\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x5b",
	"v2 with TLVs": sigV2 + "\x21\x11\x00\x13\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x5b" +
		"\x02\x00\x04host",
	"v2 of IPv6 that is IPv4": sigV2 + "\x21\x21\x00\x24" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01\x12\x67\x07\x5b",
}

// behindBalancer is a rig whose listener has the PROXY protocol.
func behindBalancer(t *testing.T, mode proxy.ProxyMode, trusted string, change func(*options)) *rig {
	return newRig(t, func(o *options) {
		p := proxy.ProxyProtocol{Mode: mode}
		if trusted != "" {
			p.Trusted = []netip.Prefix{netip.MustParsePrefix(trusted)}
		}
		o.ProxyProtocol = map[string]proxy.ProxyProtocol{"main": p}
		if change != nil {
			change(o)
		}
	})
}

// A header names the client, in one piece with its CONNECT, byte by byte, or before TLS.
func TestProxyHeaderNamesTheClient(t *testing.T) {
	for name, header := range headers {
		for _, mode := range []proxy.ProxyMode{proxy.ProxyOptional, proxy.ProxyRequired} {
			t.Run(name, func(t *testing.T) {
				r := behindBalancer(t, mode, "127.0.0.0/8", nil)
				whole := append([]byte(header), frame(client(packets.V5, "u", "p"))...)
				whole = append(whole, "pipelined"...)
				for _, size := range []int{len(whole), len(header), 1} {
					conn := r.dial()
					for piece := range slices.Chunk(whole, size) {
						conn.Write(piece)
					}
					read(t, conn, append(accepting(packets.V5), "pipelined"...))
					conn.Close()
				}
				r.expectLog("msg=connected", "remote=203.0.113.7:4711")
				r.expectLog(`msg="session ended"`, "remote=203.0.113.7:4711")
				if n := strings.Count(r.log.String(), "msg=connected"); n != 3 || strings.Contains(r.log.String(), "remote=127") {
					t.Errorf("got %d connected lines in\n%s", n, r.log)
				}
			})
		}
	}
}

func TestProxyHeaderComesBeforeTLS(t *testing.T) {
	ca := proxytest.NewCA(t, "ward")
	for _, mode := range []proxy.ProxyMode{proxy.ProxyOptional, proxy.ProxyRequired} {
		r := behindBalancer(t, mode, "127.0.0.1/32", func(o *options) {
			o.tls = proxy.WithALPN(&tls.Config{Certificates: []tls.Certificate{ca.Issue("localhost")}})
		})
		hellos := []string{headers["v1"], headers["v2"]}
		if mode == proxy.ProxyOptional {
			hellos = append(hellos, "") // a client that comes without the balancer
		}
		for _, header := range hellos {
			conn := r.send([]byte(header))
			secure := tls.Client(conn, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
			if _, err := secure.Write(frame(client(packets.V311, "u", "p"))); err != nil {
				t.Fatal(err)
			}
			read(t, secure, accepting(packets.V311))
			want := "remote=203.0.113.7:4711"
			if header == "" {
				want = "remote=" + conn.LocalAddr().String()
			}
			r.expectLog("msg=connected", want)
			echoes(t, secure)
		}
	}
}

// Who may not send a header, or must and does not, is closed without an answer.
func TestProxyHeadersThatAreNotTaken(t *testing.T) {
	connect := string(frame(client(packets.V5, "u", "p")))
	for name, test := range map[string]struct {
		mode          proxy.ProxyMode
		trusted, send string
		told          string
	}{
		"none where one is required":       {proxy.ProxyRequired, "127.0.0.0/8", connect, "does not begin with a header"},
		"of a stranger, required":          {proxy.ProxyRequired, "192.0.2.0/24", headers["v1"] + connect, "not from an address that is trusted"},
		"of a stranger, without":           {proxy.ProxyRequired, "192.0.2.0/24", connect, "not from an address that is trusted"},
		"of a stranger, optional":          {proxy.ProxyOptional, "192.0.2.0/24", headers["v1"] + connect, "not_mqtt"},
		"where there should be none":       {proxy.ProxyOff, "", headers["v2"] + connect, "not_mqtt"},
		"two":                              {proxy.ProxyRequired, "", headers["v1"] + headers["v1"] + connect, "not_mqtt"},
		"broken v1":                        {proxy.ProxyRequired, "", "PROXY TCP4 203.0.113.7 192.0.2.1 4711\r\n" + connect, "no PROXY header"},
		"v1 without an end":                {proxy.ProxyRequired, "", "PROXY TCP4 " + strings.Repeat("1", 200), "no PROXY header"},
		"v1 with a name":                   {proxy.ProxyOptional, "127.0.0.1/32", "PROXY TCP4 localhost 192.0.2.1 4711 1883\r\n" + connect, "no PROXY header"},
		"broken signature":                 {proxy.ProxyRequired, "", "\r\n\r\n\x00\r\nQUIZ\n\x21\x11\x00\x00" + connect, "does not begin with a header"},
		"v2 of UDP":                        {proxy.ProxyRequired, "", sigV2 + "\x21\x12\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x5b" + connect, "not a header of a TCP connection"},
		"v2 of an unknown command":         {proxy.ProxyRequired, "", sigV2 + "\x22\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x5b" + connect, "no PROXY header"},
		"v2 too short":                     {proxy.ProxyRequired, "", sigV2 + "\x21\x11\x00\x04\xcb\x00\x71\x07" + connect, "no PROXY header"},
		"v2 too long":                      {proxy.ProxyRequired, "", sigV2 + "\x21\x11\xff\xff" + connect, "4112 are the most"},
		"MQTT's own, PUBCOMP, as optional": {proxy.ProxyOptional, "127.0.0.1/32", "\x50\x02\x00\x01" + strings.Repeat("\x00", 20), "no PROXY header"},
	} {
		t.Run(name, func(t *testing.T) {
			r := behindBalancer(t, test.mode, test.trusted, nil)
			if got := r.answer([]byte(test.send)); len(got) > 0 {
				t.Errorf("got % x, want a plain close", got)
			}
			r.expectUpstream(0)
			r.expectLog(test.told)
		})
	}
}

// The balancer's own connections, and those whose client has no IP address, keep its address.
func TestProxyHeadersWithoutAClient(t *testing.T) {
	for name, header := range map[string]string{
		"v1 unknown":         "PROXY UNKNOWN\r\n",
		"v1 unknown, longer": "PROXY UNKNOWN ffff:: ffff:: 1 2\r\n",
		"v2 local":           sigV2 + "\x20\x00\x00\x00",
		"v2 local with TLVs": sigV2 + "\x20\x00\x00\x07\x02\x00\x04host",
		"v2 of a socket":     sigV2 + "\x21\x31\x00\xd8" + strings.Repeat("\x00", 216),
	} {
		t.Run(name, func(t *testing.T) {
			r := behindBalancer(t, proxy.ProxyRequired, "127.0.0.0/8", nil)
			conn := r.send(append([]byte(header), frame(client(packets.V311, "u", "p"))...))
			read(t, conn, accepting(packets.V311))
			r.expectLog("msg=connected", "remote="+conn.LocalAddr().String())
		})
	}
}

// A balancer that looks whether we are there, and goes, is of no interest.
func TestBareConnectsOfABalancerAreNotLogged(t *testing.T) {
	r := behindBalancer(t, proxy.ProxyRequired, "127.0.0.0/8", nil)
	r.dial().Close()
	r.expectLog("level=DEBUG", `msg="no PROXY header"`)
	if strings.Contains(r.log.String(), "level=INFO") {
		t.Errorf("the log has\n%s", r.log)
	}
}

// The header has no time of its own.
func TestProxyHeaderIsDueWithinConnectTimeout(t *testing.T) {
	r := behindBalancer(t, proxy.ProxyRequired, "", func(o *options) { o.Limits.ConnectTimeout = 300 * time.Millisecond })
	for _, begun := range []string{"", "PROXY TCP4 203", sigV2 + "\x21\x11\x00\x0c"} {
		at := time.Now()
		if got := r.answer([]byte(begun)); len(got) > 0 {
			t.Errorf("%q: got % x", begun, got)
		}
		if took := time.Since(at); took < 250*time.Millisecond || took > 5*time.Second {
			t.Errorf("%q: closed after %v, want 300ms", begun, took)
		}
	}
	// What the header leaves of it is the CONNECT's.
	at := time.Now()
	c := r.dial()
	time.Sleep(200 * time.Millisecond)
	c.Write([]byte(headers["v1"]))
	readAll(t, c)
	if took := time.Since(at); took < 250*time.Millisecond || took > 5*time.Second {
		t.Errorf("closed after %v, want 300ms", took)
	}
}

// What counts by address counts by that of the header.
func TestAuthenticationSeesTheAddressOfTheHeader(t *testing.T) {
	seen := make(chan string, 1)
	r := behindBalancer(t, proxy.ProxyRequired, "", func(o *options) {
		o.Chain = chainOf(t, stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
			seen <- c.Address.String()
			return auth.Accepted(auth.Identity{})
		}))
	})
	r.send(append([]byte(headers["v2"]), frame(client(packets.V311, "u", "p"))...))
	if got := <-seen; got != "203.0.113.7/32" {
		t.Errorf("got %s, want 203.0.113.7/32", got)
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, h := range headers {
		f.Add([]byte(h + "rest"))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		from := bytes.NewReader(in)
		h, head, err := proxy.ReadProxyHeader(from)
		switch {
		case err != nil:
		case h == nil: // nothing is lost
			if rest, _ := io.ReadAll(from); !bytes.Equal(append(head, rest...), in) {
				t.Fatalf("%q: lost bytes: %q, %q", in, head, rest)
			}
		default:
			// The header ends where its own reading ends: what follows is the client's.
			used := in[:len(in)-from.Len()]
			if again, _, err := proxy.ReadProxyHeader(bytes.NewReader(used)); err != nil || !again.EqualsTo(h) {
				t.Fatalf("%q: read again: %v, %v", used, again, err)
			}
		}
	})
}
