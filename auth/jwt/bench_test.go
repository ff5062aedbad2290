package jwt

import (
	"context"
	"fmt"
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

func BenchmarkVerify(b *testing.B) {
	for _, alg := range authtest.Algorithms() {
		signer := authtest.NewSigner(alg, 0)
		var o Options
		if strings.HasPrefix(alg, "HS") {
			o.Secret = signer.Secret()
		} else {
			o.PublicKeyPEM = signer.PublicPEM()
		}
		b.Run(alg, func(b *testing.B) { benchmarkStage(b, o, signer.Sign(benchClaims()), auth.None) })
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
		tok, f := parseToken([]byte(sign("wanted")))
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

// The hot path's allocations are those of golang-jwt's method and two of ours: the decoded
// parts and the signed text.
func TestAllocations(t *testing.T) {
	signer := authtest.NewSigner("HS256", 0)
	token := []byte(signer.Sign(benchClaims()))
	tok, f := parseToken(token)
	if f.is() {
		t.Fatal(f)
	}
	r := rules{declared: []declaration{{"sub", template(t, "%u")}}}
	c := withPassword("")
	tests := []struct {
		name string
		want float64
		f    func()
	}{
		{"parse", 1, func() { parseToken(token) }},
		// One for each number, whose text strconv wants as a string, at most.
		{"judge", 3, func() { r.judge(tok.payload, c, now) }},
		{"no token", 0, func() { hasThreeParts([]byte("correct horse")) }},
	}
	for _, test := range tests {
		if got := testing.AllocsPerRun(100, test.f); got > test.want {
			t.Errorf("%s: got %v allocations, want at most %v", test.name, got, test.want)
		}
	}
}
