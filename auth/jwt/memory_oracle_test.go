package jwt

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// pair is a stage that remembers and one that doesn't, which live the same life.
type pair struct {
	t          *testing.T
	at         time.Time
	with, sans *Stage
}

// configurations are those that a pair changes between.
func configurations(t testing.TB) []Options {
	hs := func(n int) []byte { return authtest.NewSigner("HS256", n).Secret() }
	ed := func(n int) []byte { return authtest.NewSigner("EdDSA", n).PublicPEM() }
	set := func(url string) *JWKSOptions { return &JWKSOptions{URL: url, MaxStale: time.Hour} }
	user := map[string]*auth.Template{"sub": template(t, "%u")}
	const one, two = "https://idp.invalid/1", "https://idp.invalid/2"
	return []Options{
		{Secret: hs(0)},
		{Secret: hs(1), Claims: user},
		{Secret: hs(0), PublicKeyPEM: ed(0), IdentityClaim: "sub"},
		{PublicKeyPEM: append(ed(1), ed(0)...), Claims: user},
		{JWKS: set(one)},
		{JWKS: set(one), Secret: hs(1), RequireExp: true},
		{JWKS: set(one), PublicKeyPEM: ed(1), Leeway: 20 * time.Minute},
		{JWKS: set(two), Secret: hs(0), IgnoreIAT: true},
	}
}

// keySets are those that a provider publishes.
func keySets() [][]any {
	ed := func(n int, kid string) authtest.JWK { return authtest.NewSigner("EdDSA", n).JWK(kid) }
	many := make([]any, maxCandidates)
	for i := range many {
		many[i] = ed(i+10, "a")
	}
	return [][]any{
		nil,
		{ed(0, "a")},
		{ed(0, "a"), ed(1, "b")},
		{ed(1, "a"), ed(0, "b")},
		{ed(0, ""), ed(1, "a").With("alg", "EdDSA")},
		{ed(2, "b"), ed(0, "a").With("use", "enc")},
		append(many, ed(0, "b"), ed(1, "a")),
	}
}

// tokensOfAll are tokens of many keys, kids and claims, with some that are no good.
func tokensOfAll() []string {
	var all []string
	for _, signer := range []*authtest.Signer{
		authtest.NewSigner("HS256", 0), authtest.NewSigner("HS256", 1),
		authtest.NewSigner("EdDSA", 0), authtest.NewSigner("EdDSA", 1), authtest.NewSigner("EdDSA", 10),
	} {
		for _, kid := range []any{nil, "a", "b"} {
			for _, c := range []map[string]any{
				{"sub": "u1"},
				{"sub": "u2", "exp": now.Unix() + 1800, "iat": now.Unix() + 300},
			} {
				all = append(all, signer.SignWith(map[string]any{"kid": kid}, c))
			}
		}
		all = append(all, signer.SignRaw(fmt.Appendf(nil, `{"alg":%q}`, signer.Alg()), []byte(`{"sub":`)))
		all = append(all, all[len(all)-2][:40]+all[len(all)-3][40:])
	}
	return all
}

// live does what each of steps says to both stages, and compares their verdicts.
func (p *pair) live(steps []byte) {
	p.at = now
	all, configs, sets := tokensOfAll(), configurations(p.t), keySets()
	reload := func(o Options) {
		o.Now = func() time.Time { return p.at }
		o.TokenCache = 12
		p.with = after(p.t, p.with, o)
		o.TokenCache = -1
		p.sans = after(p.t, p.sans, o)
	}
	reload(configs[0])
	for len(steps) >= 2 {
		what, which := steps[0], int(steps[1])
		steps = steps[2:]
		switch {
		case what < 8:
			reload(configs[which%len(configs)])
		case what < 20 && p.with.jwks != nil:
			p.with.publish(p.t, sets[which%len(sets)]...)
			p.sans.publish(p.t, sets[which%len(sets)]...)
		case what < 24:
			p.at = p.at.Add(time.Duration(which) * 10 * time.Second)
		default:
			c := withPassword(all[which%len(all)])
			if what%4 == 0 {
				c.UserName = []byte("u2")
			}
			p.compare(c)
		}
	}
}

func (p *pair) compare(c *auth.Credentials) {
	p.t.Helper()
	got, want := p.with.Authenticate(context.Background(), c), p.sans.Authenticate(context.Background(), c)
	if !reflect.DeepEqual(got, want) {
		p.t.Fatalf("token %s: with memory %+v, without %+v", c.Password, got, want)
	}
	if p.with.jwks == nil {
		return
	}
	if a, b := len(p.with.jwks.asked), len(p.sans.jwks.asked); a != b {
		p.t.Fatalf("token %s, %v: with memory %d fetches asked for, without %d", c.Password, got.Reason, a, b)
	}
	for _, s := range []*Stage{p.with, p.sans} {
		select {
		case <-s.jwks.asked:
		default:
		}
	}
}

func TestMemoryChangesNoVerdict(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	accepted := 0
	for range 20 {
		steps := make([]byte, 1000)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		p := pair{t: t}
		p.live(steps)
		accepted += p.with.memory.good.len()
	}
	if accepted == 0 {
		t.Error("nothing was remembered in all these lives")
	}
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte{30, 0, 0, 1, 30, 0, 0, 0, 30, 0})
	f.Add([]byte{0, 4, 9, 2, 30, 18, 9, 3, 30, 18, 9, 1, 22, 255, 22, 255, 30, 18, 0, 6, 30, 18})
	f.Fuzz(func(t *testing.T, steps []byte) {
		p := pair{t: t}
		p.live(steps[:min(len(steps), 400)])
	})
}

// Clients, reloads and refreshes at once: nobody is let in by a key that is not in force.
func TestRaceOfReloadsRefreshesAndClients(t *testing.T) {
	hs := func(n int) *authtest.Signer { return authtest.NewSigner("HS256", n) }
	ed := func(n int) *authtest.Signer { return authtest.NewSigner("EdDSA", n) }
	type policy struct {
		stage  *Stage
		secret int
	}
	var current atomic.Pointer[policy]
	reload := func(n int) {
		p := policy{secret: n % 2}
		o := remote()
		o.Secret = hs(p.secret).Secret()
		if old := current.Load(); old != nil {
			o.Before = old.stage
		}
		p.stage = newStage(t, o)
		if o.Before == nil {
			p.stage.publish(t, ed(0).JWK("a"))
		}
		current.Store(&p)
	}
	reload(0)
	bySecret := [2][]byte{[]byte(hs(0).Sign(claims())), []byte(hs(1).Sign(claims()))}
	always, never := ed(0).SignWith(cachedToken, claims()), ed(1).SignWith(cachedToken, claims())
	sometimes := ed(2).SignWith(map[string]any{"kid": "b"}, claims())
	done := make(chan struct{})
	var clients, others sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for i := range 300 {
				p := current.Load()
				check := func(token string, good, bad bool) {
					v := p.stage.Authenticate(context.Background(), withPassword(token))
					if v.Decision == auth.Accept && !good || v.Decision == auth.Deny && !bad {
						t.Errorf("got %v %v for a token that is good: %v, bad: %v", v.Decision, v.Reason, good, bad)
					}
				}
				for n := range bySecret {
					check(string(bySecret[n]), n == p.secret, n != p.secret)
				}
				check(always, true, false)
				check(never, false, true)
				if i%10 == 0 {
					check(sometimes, true, true)
				}
			}
		})
	}
	others.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-done:
				return
			default:
			}
			reload(n)
			p := current.Load()
			if n%4 < 2 {
				p.stage.publish(t, ed(0).JWK("a"), ed(2).JWK("b"))
			} else {
				p.stage.publish(t, ed(2).JWK("c"), ed(0).JWK("a"))
			}
		}
	})
	clients.Wait()
	close(done)
	others.Wait()
}
