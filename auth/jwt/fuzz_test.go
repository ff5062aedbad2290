package jwt

import (
	"context"
	"strings"
	"testing"

	gojwt "github.com/golang-jwt/jwt/v5"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// FuzzToken checks that golang-jwt's parser takes whatever we take, with the same key, the
// same list of methods and its own strict decoding, and reads the same claims.
func FuzzToken(f *testing.F) {
	hs := authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret))
	f.Add([]byte(`{"alg":"HS256"}`), []byte(`{"sub":"u1","exp":1800000000}`), "", byte(0))
	f.Add([]byte(`{"alg":"HS384","kid":"a"}`), []byte(`{"sub":"\u00751","nbf":1.5e9}`), "", byte(1))
	f.Add([]byte(`{"alg":"none"}`), []byte(`{"iat":"1"}`), "\n", byte(2))
	f.Add([]byte(`{"ALG":"HS256","alg":"HS256"}`), []byte(` {} `), "=", byte(60))
	s := newStage(f, Options{Secret: hs.Secret(), IdentityClaim: "sub"})
	oracle := gojwt.NewParser(
		gojwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}),
		gojwt.WithStrictDecoding(), gojwt.WithoutClaimsValidation(),
	)
	// Header and payload are signed, so that the fuzzer gets past the signature; insert goes in
	// at a place afterwards.
	f.Fuzz(func(t *testing.T, header, payload []byte, insert string, at byte) {
		for _, alg := range []string{"HS256", "HS384"} {
			token := authtest.NewKeySigner(alg, hs.Secret()).SignRaw(header, payload)
			i := min(int(at), len(token))
			token = token[:i] + insert + token[i:]
			v := s.Authenticate(context.Background(), withPassword(token))
			if v.Decision == auth.Deny && v.Reason == auth.None {
				t.Fatalf("token %q: a deny without a reason", token)
			}
			if v.Decision != auth.Accept {
				continue
			}
			parsed, err := oracle.Parse(token, func(*gojwt.Token) (any, error) { return hs.Secret(), nil })
			if err != nil {
				t.Fatalf("token %q: accepted, golang-jwt says %v", token, err)
			}
			if sub, _ := parsed.Claims.(gojwt.MapClaims)["sub"].(string); sub != v.Identity.Name {
				t.Fatalf("token %q: identity %q, golang-jwt reads %q", token, v.Identity.Name, sub)
			}
			if strings.ContainsAny(token, "\r\n=") {
				t.Fatalf("token %q: accepted with what is not base64url", token)
			}
		}
	})
}

// FuzzForgery feeds the stage whole texts: only what the secret has signed is accepted.
func FuzzForgery(f *testing.F) {
	f.Add(authtest.SampleToken)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	o := Options{Secret: []byte(authtest.SampleSecret)}
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		signer := authtest.NewSigner(alg, 0)
		o.PublicKeyPEM = append(o.PublicKeyPEM, signer.PublicPEM()...)
	}
	s := newStage(f, o)
	f.Fuzz(func(t *testing.T, text string) {
		v := s.Authenticate(context.Background(), withPassword(text))
		if v.Decision == auth.Accept && text != authtest.SampleToken {
			t.Fatalf("text %q: accepted, and nobody signed it", text)
		}
		if (strings.Count(text, ".") == 2) == (v.Decision == auth.Ignore) {
			t.Fatalf("text %q: got %v", text, v.Decision)
		}
	})
}

// The same comparison over every algorithm, with good and bad signatures.
func TestAgreesWithGolangJWT(t *testing.T) {
	for _, alg := range authtest.Algorithms() {
		signer := authtest.NewSigner(alg, 0)
		o, key := Options{}, any(nil)
		if strings.HasPrefix(alg, "HS") {
			o.Secret, key = signer.Secret(), signer.Secret()
		} else {
			o.PublicKeyPEM, key = signer.PublicPEM(), signer.Public()
		}
		s := newStage(t, o)
		oracle := gojwt.NewParser(gojwt.WithValidMethods([]string{alg}), gojwt.WithStrictDecoding())
		for n := range 3 {
			token := authtest.NewSigner(alg, n).Sign(claims())
			v := s.Authenticate(context.Background(), withPassword(token))
			_, err := oracle.Parse(token, func(*gojwt.Token) (any, error) { return key, nil })
			if (v.Decision == auth.Accept) != (err == nil) || (n == 0) != (err == nil) {
				t.Errorf("%s, key %d: got %v %v, golang-jwt says %v", alg, n, v.Decision, v.Reason, err)
			}
		}
	}
}
