package proxy_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/upstream"
)

// heavyStage is a stage that holds memory, as one of many users does.
type heavyStage struct{ users []byte }

func (*heavyStage) Name() string { return "heavy" }

func (*heavyStage) Authenticate(context.Context, *auth.Credentials) auth.Verdict {
	return auth.Accepted(auth.Identity{})
}

// A session lives for weeks; the policy that let it in must not.
func TestSessionsDoNotKeepTheirPolicy(t *testing.T) {
	const policies, size = 20, 4 << 20
	r := newRig(t, nil)
	pool, err := upstream.New(upstream.Options{Addresses: []string{r.broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	for range policies {
		r.server.SetPolicy(proxy.Policy{Chain: chainOf(t, &heavyStage{make([]byte, size)}), Upstream: pool})
		r.connected(client(packets.V311, "u", "p"))
	}
	var m runtime.MemStats
	proxytest.Eventually(t, "the old policies are collected", func() bool {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc < policies*size/2
	})
}

// Connections keep the policy that they began with; those that come later have the new one.
func TestNewPolicyIsForNewConnections(t *testing.T) {
	judging, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(o *options) {
		o.Chain = chainOf(t, stageFunc(func(context.Context, *auth.Credentials) auth.Verdict {
			close(judging)
			<-release
			return auth.Accepted(auth.Identity{})
		}))
	})
	pool, err := upstream.New(upstream.Options{Addresses: []string{r.broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	first := r.send(frame(client(packets.V311, "u", "p")))
	<-judging
	r.server.SetPolicy(proxy.Policy{Chain: chainOf(t, always(auth.Denied(auth.BadPassword, ""))), Upstream: pool})
	if got := r.answer(frame(client(packets.V311, "u", "p"))); string(got) != string(wanted(auth.BadPassword, packets.V311)) {
		t.Errorf("a newcomer got % x, want the new policy's refusal", got)
	}
	close(release)
	read(t, first, accepting(packets.V311))
	exchange(t, first)
}

// One policy wants a certificate, the other credentials: whoever has neither never gets in,
// however often they change places.
func TestNobodyMeetsTwoPolicies(t *testing.T) {
	ca := proxytest.NewCA(t, "test")
	cert := []tls.Certificate{ca.Issue("server")}
	r := newRig(t, func(o *options) { o.tls = proxy.WithALPN(&tls.Config{Certificates: cert}) })
	pool, err := upstream.New(upstream.Options{Addresses: []string{r.broker.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	policies := []proxy.Policy{
		{Chain: letIn(t), Upstream: pool, TLS: map[string]proxy.TLS{"main": {Config: proxy.WithALPN(&tls.Config{
			Certificates: cert, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.Pool(),
		})}}},
		{Chain: chainOf(t, always(auth.Denied(auth.NoCredentials, ""))), Upstream: pool,
			TLS: map[string]proxy.TLS{"main": {Config: proxy.WithALPN(&tls.Config{Certificates: cert})}}},
	}
	r.server.SetPolicy(policies[0])
	stop := time.Now().Add(time.Second)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for time.Now().Before(stop) {
				conn, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Error(err)
					return
				}
				c := tls.Client(conn, &tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
				c.SetDeadline(time.Now().Add(20 * time.Second))
				answer := make([]byte, 4)
				if _, err := c.Write(frame(client(packets.V311, "", ""))); err == nil {
					if n, _ := io.ReadFull(c, answer); n == 4 && answer[3] == 0 {
						t.Error("a client with neither certificate nor credentials was let in")
					}
				}
				conn.Close()
			}
		})
	}
	for i := 0; time.Now().Before(stop); i++ {
		r.server.SetPolicy(policies[i%2])
		time.Sleep(time.Millisecond)
	}
	clients.Wait()
	r.expectUpstream(0)
}
