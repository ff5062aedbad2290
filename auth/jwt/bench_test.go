package jwt

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// benchClaims are those of an ordinary device token, with one declaration.
func benchClaims() map[string]any {
	return map[string]any{
		"iss": "https://idp.example/realms/devices", "sub": "u1", "aud": []string{"mqtt", "api"},
		"iat": now.Unix() - 60, "nbf": now.Unix() - 60, "exp": now.Unix() + 3600, "jti": "5f1c2d9e-8a53-4bb1",
	}
}

func benchmarkStage(b *testing.B, o Options, token string, want auth.Reason) {
	o.Claims = map[string]*auth.Template{"sub": template(b, "%u")}
	s := newStage(b, o)
	c, ctx := withPassword(token), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if v := s.Authenticate(ctx, c); v.Reason != want {
			b.Fatalf("got %v %v (%s), want reason %v", v.Decision, v.Reason, v.Detail, want)
		}
	}
}

// BenchmarkSeen is a token that comes again.
func BenchmarkSeen(b *testing.B) {
	for _, alg := range authtest.Algorithms() {
		signer := authtest.NewSigner(alg, 0)
		b.Run(alg, func(b *testing.B) { benchmarkStage(b, keysOf(signer), signer.Sign(benchClaims()), auth.None) })
	}
}

// BenchmarkFresh is a token that was never seen, with a full memory behind it.
func BenchmarkFresh(b *testing.B) {
	for _, alg := range authtest.Algorithms() {
		signer := authtest.NewSigner(alg, 0)
		b.Run(alg, func(b *testing.B) { benchmarkFresh(b, keysOf(signer), signer.Sign(benchClaims()), auth.None) })
	}
}

// BenchmarkJunk is a flood of tokens with bad signatures, each of them new.
func BenchmarkJunk(b *testing.B) {
	for _, alg := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		signer, forger := authtest.NewSigner(alg, 0), authtest.NewSigner(alg, 1)
		b.Run(alg, func(b *testing.B) {
			benchmarkFresh(b, keysOf(signer), forger.Sign(benchClaims()), auth.BadSignature)
		})
	}
	b.Run("malformed", func(b *testing.B) {
		benchmarkFresh(b, keysOf(authtest.NewSigner("HS256", 0)), "aa."+strings.Repeat("a", 300)+".aa", auth.TokenMalformed)
	})
}

// benchmarkFresh judges a token that memory takes for another one each time.
func benchmarkFresh(b *testing.B, o Options, token string, want auth.Reason) {
	o.Claims = map[string]*auth.Template{"sub": template(b, "%u")}
	o.TokenCache = 10_000
	s := newStage(b, o)
	c, ctx := withPassword(token), context.Background()
	for i := range uint64(20_000) {
		e := entry{tag: tag{rand.Uint64(), i}, generation: s.generation}
		s.memory.good.put(e, 0)
		s.memory.bad.put(e, 0)
	}
	i := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		i++
		binary.LittleEndian.PutUint64(s.memory.secret[:], i)
		if v := s.Authenticate(ctx, c); v.Reason != want {
			b.Fatalf("got %v %v (%s), want reason %v", v.Decision, v.Reason, v.Detail, want)
		}
	}
}

// BenchmarkSeenByAll is a fleet that comes again on all cores.
func BenchmarkSeenByAll(b *testing.B) {
	signer := authtest.NewSigner("HS256", 0)
	s := newStage(b, Options{Secret: signer.Secret()})
	var fleet [1024]*auth.Credentials
	for i := range fleet {
		fleet[i] = withPassword(signer.Sign(map[string]any{"sub": fmt.Sprint(i), "exp": now.Unix() + 3600}))
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.Int(); pb.Next(); i++ {
			if v := s.Authenticate(context.Background(), fleet[i%len(fleet)]); v.Reason != auth.None {
				b.Errorf("got %v %v, want accept", v.Decision, v.Reason)
			}
		}
	})
}

// BenchmarkSearchedAgain is a token whose key stayed when others changed.
func BenchmarkSearchedAgain(b *testing.B) {
	signer := authtest.NewSigner("ES256", 0)
	s := newStage(b, Options{JWKS: staticJWKS(b, manyKeys(signer)...)})
	c := withPassword(signer.SignWith(map[string]any{"kid": "wanted"}, benchClaims()))
	one := *s.jwks.set.Load()
	other := one
	other.generation++
	b.ReportAllocs()
	for b.Loop() {
		one, other = other, one
		s.jwks.set.Store(&one)
		if v := s.Authenticate(context.Background(), c); v.Reason != auth.None {
			b.Fatalf("got %v %v, want accept", v.Decision, v.Reason)
		}
	}
}

// manyKeys are 100 keys of which the last is signer's.
func manyKeys(signer *authtest.Signer) []authtest.JWK {
	keys := make([]authtest.JWK, maxSetKeys)
	for i := range keys {
		keys[i] = authtest.NewSigner(signer.Alg(), 1+i%3).JWK(fmt.Sprint("kid", i))
	}
	keys[maxSetKeys-1] = signer.JWK("wanted")
	return keys
}

func BenchmarkJWKS(b *testing.B) {
	signer := authtest.NewSigner("ES256", 0)
	o := Options{JWKS: staticJWKS(b, manyKeys(signer)...)}
	sign := func(kid string) string { return signer.SignWith(map[string]any{"kid": kid}, benchClaims()) }
	b.Run("Verify", func(b *testing.B) { benchmarkStage(b, o, sign("wanted"), auth.None) })
	b.Run("UnknownKid", func(b *testing.B) { benchmarkStage(b, o, sign("other"), auth.UnknownKid) })
	b.Run("Lookup", func(b *testing.B) {
		s := newStage(b, o)
		tok, f := parseToken([]byte(sign("wanted")), nil)
		if f.is() {
			b.Fatal(f)
		}
		b.ReportAllocs()
		for b.Loop() {
			if keys, _ := s.jwks.current(now).candidates(&tok); len(keys) != 1 {
				b.Fatalf("got %d keys, want 1", len(keys))
			}
		}
	})
}

func BenchmarkRefuse(b *testing.B) {
	signer := authtest.NewSigner("HS256", 0)
	o := Options{Secret: signer.Secret()}
	b.Run("NoToken", func(b *testing.B) { benchmarkStage(b, o, "correct horse battery staple", auth.None) })
	b.Run("Expired", func(b *testing.B) {
		benchmarkStage(b, o, signer.Sign(map[string]any{"exp": 1}), auth.TokenExpired)
	})
	b.Run("BadSignature", func(b *testing.B) {
		benchmarkStage(b, o, authtest.NewSigner("HS256", 1).Sign(benchClaims()), auth.BadSignature)
	})
}

func TestAllocations(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := []byte(hs.Sign(benchClaims()))
	tok, f := parseToken(token, nil)
	if f.is() {
		t.Fatal(f)
	}
	r := rules{declared: []declaration{{"sub", template(t, "%u")}}}
	s := newStage(t, Options{Secret: hs.Secret(), Marker: marker, Claims: map[string]*auth.Template{"sub": template(t, "%u")}})
	ctx := context.Background()
	c, junk := withPassword(string(token)), withPassword(authtest.NewSigner("HS256", 1).Sign(benchClaims()))
	room := make([]byte, len(token))
	tests := []struct {
		name string
		want float64
		f    func()
	}{
		{"parse", 0, func() { parseToken(token, room) }},
		{"parse without room", 1, func() { parseToken(token, nil) }},
		{"judge", 0, func() { r.judge(tok.payload, c, now, nil) }},
		{"no token", 0, func() { hasThreeParts([]byte("correct horse")) }},
		{"a token seen before", 0, func() { s.Authenticate(ctx, c) }},
		{"junk seen before", 0, func() { s.Authenticate(ctx, junk) }},
	}
	for _, test := range tests {
		if got := testing.AllocsPerRun(100, test.f); got > test.want {
			t.Errorf("%s: got %v allocations, want at most %v", test.name, got, test.want)
		}
	}
}
