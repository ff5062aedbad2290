package proxy_test

import (
	"context"
	"runtime"
	"testing"

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
