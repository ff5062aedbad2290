//go:build linux

package main_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
)

// cast is everybody who takes part.
type cast struct {
	workers   []*worker
	residents []*resident
	bad       []*caller
}

func (s *soak) cast() *cast {
	c := &cast{bad: s.refusedCallers()}
	for n := range s.form.workers {
		c.workers = append(c.workers, s.worker(fmt.Sprint(n), "soak", n))
		c.workers[n].echo = true
	}
	if !s.broker.sessions {
		return c
	}
	for n := range s.form.residents {
		r := &resident{sender: s.worker(fmt.Sprint("s", n), "kept", 7*n+1), caller: s.worker("", "", 5*n).caller}
		r.from, r.sender.from = fmt.Sprintf("127.4.0.%d", 1+n), fmt.Sprintf("127.4.1.%d", 1+n)
		r.connect.ClientID = fmt.Append(nil, goodID, "r", n)
		c.residents = append(c.residents, r)
	}
	return c
}

// The signers of the soak's tokens: by the secret, and by the two keys of the key set.
func soakSigners() []func(claims map[string]any) string {
	return []func(map[string]any) string{
		authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign,
		signWithKid("ES256", "k0"),
		signWithKid("RS256", "k1"),
	}
}

func signWithKid(alg, kid string) func(map[string]any) string {
	signer := authtest.NewSigner(alg, 0)
	return func(claims map[string]any) string {
		return signer.SignWith(map[string]any{"kid": kid}, claims)
	}
}

// worker is the n-th of those who may come in: of each version, by plain TCP and, one of four, by TLS,
// with a password or a token of each kind.
func (s *soak) worker(name, to string, n int) *worker {
	user := fmt.Sprint("user-", n%3)
	password := user + "'s"
	if kind := n % 4; kind > 0 {
		user = fmt.Sprint("device-", n)
		password = soakSigners()[kind-1](map[string]any{"username": user, "exp": time.Now().Add(24 * time.Hour).Unix()})
	}
	k := &worker{name: name, to: to, caller: caller{s: s, from: fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250), address: s.l.address,
		connect: connectAs(soakVersion(n), "", user, password)}}
	if n/12%4 == 0 {
		k.address, k.tls = s.tlsAt, s.resuming(n)
	}
	return k
}

// resuming is what a TLS client goes by that resumes its TLS sessions: of TLS 1.2 and 1.3.
func (s *soak) resuming(n int) *tls.Config {
	c := s.trusting()
	c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	if n%2 == 0 {
		c.MaxVersion = tls.VersionTLS12
	}
	return c
}

func soakVersion(n int) packets.Version {
	return []packets.Version{packets.V31, packets.V311, packets.V5}[n/4%3]
}

// refusedCallers are those who may not, each for its reason.
func (s *soak) refusedCallers() []*caller {
	signers := soakSigners()
	hour := time.Now().Add(time.Hour).Unix()
	kinds := []struct{ user, password string }{
		{"user-1", "wrong"},
		{"nobody", "user-1's"},
		{"eve", signers[0](map[string]any{"username": "alice", "exp": hour})}, // another's
		{"eve", expiredToken()},
		{"eve", signWithKid("ES256", "unknown")(map[string]any{"username": "eve", "exp": hour})},
		{"eve", authtest.NewSigner("RS256", 1).SignWith(map[string]any{"kid": "k1"}, map[string]any{"username": "eve"})},
		{"user-2", signers[0](map[string]any{"username": "user-2", "exp": hour})}, // a known user has a password
	}
	all := make([]*caller, s.form.bad)
	for n := range all {
		kind := kinds[n%len(kinds)]
		c := &caller{s: s, address: s.l.address,
			connect: connectAs(soakVersion(4*(n/len(kinds))), fmt.Sprint("bad-", n), kind.user, kind.password)}
		known := strings.HasPrefix(kind.user, "user-")
		c.want = codeFor(c.connect.Version, known)
		all[n] = c
	}
	return all
}

func expiredToken() string {
	return soakSigners()[1](map[string]any{"username": "eve", "exp": time.Now().Add(-time.Second).Unix()})
}

// codeFor is the code of a refusal: of a known user with a wrong password, or of anybody else.
func codeFor(v packets.Version, known bool) byte {
	switch {
	case known && v == packets.V5:
		return 0x86
	case known:
		return 4
	case v == packets.V5:
		return 0x87
	}
	return 5
}
