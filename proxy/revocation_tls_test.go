package proxy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
	"mqttward/proxy/secure"
)

// certified is a server whose clients have certificates of an authority.
type certified struct {
	*rig
	ca *proxytest.CA
}

// newCertified starts one whose clients show a certificate, or may, and are accepted where they have
// one of ca's that lists have not.
func newCertified(t *testing.T, ask tls.ClientAuthType, lists func(*proxytest.CA) *secure.Revocations, change func(*options)) *certified {
	t.Helper()
	c := &certified{ca: proxytest.NewCA(t, "fleet")}
	verifier := &secure.Verifier{Authorities: c.ca.Pool()}
	if lists != nil {
		verifier.Revocations = lists(c.ca)
	}
	c.rig = newRig(t, func(o *options) {
		o.tls = proxy.WithALPN(&tls.Config{
			Certificates: []tls.Certificate{c.ca.Issue("server")},
			ClientAuth:   ask, ClientCAs: verifier.Authorities, VerifyConnection: verifier.VerifyConnection,
		})
		change(o)
	})
	return c
}

// revoking is a list of what an authority has revoked.
func revoking(t *testing.T, ca *proxytest.CA, next time.Duration, revoked ...tls.Certificate) *secure.Revocations {
	t.Helper()
	r, err := secure.ParseRevocations(ca.CRL(time.Now().Add(next), revoked...), []*x509.Certificate{ca.Certificate()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// on are lists at the server's listener.
func on(lists *secure.Revocations) map[string]*secure.Revocations {
	return map[string]*secure.Revocations{"main": lists}
}

// device is what a client remembers from one connection to the next.
func (c *certified) device(certs ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: c.ca.Pool(), ServerName: "localhost", Certificates: certs, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
}

// session connects as a device, and is let in.
func (c *certified) session(device *tls.Config, user string) *tls.Conn {
	c.t.Helper()
	conn := tls.Client(c.dial(), device)
	if _, err := conn.Write(frame(client(packets.V5, user, "p"))); err != nil {
		c.t.Fatal(err)
	}
	read(c.t, conn, accepting(packets.V5))
	return conn
}

// Who is on a list by now goes, by whichever engine its bytes go, with its session resumed or not, and
// anonymous or observed too. Nobody else does.
func TestSessionsOfRevokedCertificatesEnd(t *testing.T) {
	for _, engine := range []string{"uring", "epoll", "goroutine"} {
		t.Run(engine, func(t *testing.T) {
			carrier, _, why, err := relay.New(relay.Options{Engine: engine})
			if err != nil {
				t.Skip(err, why)
			}
			t.Cleanup(carrier.Close)
			c := newCertified(t, tls.VerifyClientCertIfGiven, nil, func(o *options) {
				o.Chain, o.Enforcement, o.Relay = marked(t), observing, carrier
			})
			evil := c.ca.IssueAs("bad", func(x *x509.Certificate) {
				x.Subject = pkix.Name{CommonName: "bad\r\nlevel=ERROR \u202e" + strings.Repeat("x", 2000)}
			})
			good, bad := c.device(c.ca.Issue("good")), c.device(evil)
			stay := []*tls.Conn{c.session(good, "user"), c.session(c.device(), "key")}
			first, resumed := c.session(bad, "user"), c.session(bad, "nobody")
			if first.ConnectionState().DidResume || !resumed.ConnectionState().DidResume {
				t.Fatal("the second of two sessions is not resumed")
			}
			r := proxy.Revocation{Lists: on(revoking(t, c.ca, time.Hour)), Over: time.Hour}
			if got := c.server.Revoke(r); got != (proxy.Revoked{}) {
				t.Errorf("nobody is on the list: got %+v", got)
			}
			r.Lists = map[string]*secure.Revocations{"other": revoking(t, c.ca, time.Hour, evil)}
			if got := c.server.Revoke(r); got != (proxy.Revoked{}) {
				t.Errorf("on the list of another listener: got %+v", got)
			}
			r.Lists = on(revoking(t, c.ca, -time.Minute, evil)) // it is too old, and says so all the same
			begun := time.Now()
			for _, want := range []int{2, 0} { // whose turn is to come is not counted again
				if got := c.server.Revoke(r); got.Now != 0 || got.Later > want {
					t.Errorf("got %+v, want %d that end", got, want)
				}
			}
			for _, conn := range []*tls.Conn{first, resumed} {
				if got, err := io.ReadAll(conn); string(got) != administrativeAction || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got % x, %v, want % x", got, err, administrativeAction)
				}
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v, want that few end soon", took)
			}
			for _, conn := range stay {
				exchange(t, conn)
			}
			c.expectLog("session ended", "close_reason=revoked", `cert_subject="CN=bad\\u000d\\u000alevel=ERROR`, `x..."`,
				`detail="client certificate: it is revoked: serial number`)
			for line := range strings.Lines(c.log.String()) {
				if strings.Contains(line, "session ended") && (len(line) > 1500 || strings.Contains(line, "\u202e")) {
					t.Errorf("what is in a certificate is shown as it is: %s", line)
				}
			}
		})
	}
}

// Who shows a certificate that is revoked, or valid in no other way, is told of with its subject.
func TestLogNamesTheSubjectOfARefusedCertificate(t *testing.T) {
	w := newWitness()
	var revoked tls.Certificate
	c := newCertified(t, tls.RequireAndVerifyClientCert, func(ca *proxytest.CA) *secure.Revocations {
		revoked = ca.Issue("meter-7\u009b\u2066" + strings.Repeat("y", 500))
		return revoking(t, ca, time.Hour, revoked)
	}, func(o *options) { o.Observer = w })
	stranger := proxytest.NewCA(t, "stranger").Issue("meter-8")
	for _, cert := range []tls.Certificate{revoked, stranger} {
		shows := c.device()
		shows.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil } // whoever is asked for
		conn := tls.Client(c.dial(), shows)
		_ = conn.Handshake() // of TLS 1.3 the client is done before it is judged
		readAll(t, conn)
	}
	c.expectLog("TLS handshake failed", `cert_subject="CN=meter-7\\u009b\\u2066yyy`, `yyy..."`, `error="client certificate: it is revoked: serial number `)
	c.expectLog("TLS handshake failed", `cert_subject="CN=meter-8"`, "certificate signed by unknown authority")
	proxytest.Eventually(t, "the ends of both", func() (over bool) {
		w.note(func() { over = w.closed["tls_handshake"] == 2 })
		return over
	})
	w.note(func() {
		for i, want := range []proxy.Unheard{
			{Handshake: proxy.HandshakeRevoked, CertSubject: `CN=meter-7\u009b\u2066yyy`, Detail: "it is revoked"},
			{Handshake: proxy.HandshakeCertificate, CertSubject: "CN=meter-8", Detail: "signed by unknown authority"},
		} {
			got := w.unheard[i]
			if got.Handshake != want.Handshake || !strings.HasPrefix(got.CertSubject, want.CertSubject) || len(got.CertSubject) > 2*auth.MaxDisplay ||
				!strings.Contains(got.Detail, want.Detail) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	})
}

// Who was met by the list of before and begins afterwards is not overlooked.
func TestSessionThatBeginsAfterTheRevocationOfItsCertificate(t *testing.T) {
	judging, judged := make(chan struct{}), make(chan struct{})
	c := newCertified(t, tls.RequireAndVerifyClientCert, nil, func(o *options) {
		o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
			close(judging)
			<-judged
			return auth.Accepted(auth.Identity{})
		}))
	})
	cert := c.ca.Issue("device")
	conn := tls.Client(c.dial(), c.device(cert))
	if _, err := conn.Write(frame(client(packets.V311, "user", "p"))); err != nil {
		t.Fatal(err)
	}
	<-judging
	c.server.Revoke(proxy.Revocation{Lists: on(revoking(t, c.ca, time.Hour, cert))})
	close(judged)
	readAll(t, conn)
	c.expectLog("session ended", "close_reason=revoked", "cert_subject=\"CN=device\"")
}

// Those whose certificate is revoked end evenly, a few of them soon however long it may take, and none
// whose certificate is off the list when its turn comes.
func TestRevokedCertificatesEndEvenly(t *testing.T) {
	for name, tc := range map[string]struct {
		clients       int
		over, back    time.Duration // back: when the list is empty again; 0: never
		within        time.Duration // all that end
		least, atMost int           // how many end
	}{
		"a fleet":            {clients: 100, over: 4 * time.Second, within: 4 * time.Second, least: 100, atMost: 100},
		"a few":              {clients: 20, over: time.Hour, within: time.Second, least: 20, atMost: 20},
		"off the list again": {clients: 100, over: 4 * time.Second, back: time.Second, within: time.Second, least: 30, atMost: 70},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := proxytest.NewCA(t, "fleet")
				cert := ca.Issue("device")
				p, stop := newPipes(t, func(o *proxy.Options) {
					o.Limits.HalfCloseTimeout = 100 * time.Millisecond
					o.TLS = map[string]proxy.TLS{"main": {Config: &tls.Config{
						Certificates: []tls.Certificate{ca.Issue("server")}, SessionTicketsDisabled: true,
						ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
					}}}
				})
				defer stop()
				told := p.watchEach(tc.clients, func() net.Conn {
					conn := tls.Client(p.dial(), &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{cert}})
					return p.connectOver(conn, packets.V5, "user")
				})
				begun := time.Now()
				if got := p.server.Revoke(proxy.Revocation{Lists: on(revoking(t, ca, time.Hour, cert)), Over: tc.over}); got != (proxy.Revoked{Later: tc.clients}) {
					t.Errorf("got %+v, want %d that end", got, tc.clients)
				}
				if tc.back > 0 {
					time.Sleep(tc.back)
					p.server.Revoke(proxy.Revocation{Lists: on(revoking(t, ca, time.Hour)), Over: tc.over})
				}
				time.Sleep(10 * time.Second)
				ended, early, last := len(told), 0, time.Duration(0)
				for range ended {
					at := (<-told).Sub(begun)
					last = max(last, at)
					if at < tc.within/4 {
						early++
					}
				}
				if ended < tc.least || ended > tc.atMost || last > tc.within {
					t.Errorf("%d ended, the last after %v; want %d to %d within %v", ended, last, tc.least, tc.atMost, tc.within)
				}
				if early == 0 || early > ended*2/3 {
					t.Errorf("%d of %d ended in the first quarter of %v: want that they end evenly", early, ended, tc.within)
				}
			})
		})
	}
}
