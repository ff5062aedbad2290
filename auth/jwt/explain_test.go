package jwt

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// explained returns the steps of judging a token, a line each, and demands that the verdict is the
// one without them.
func explained(t *testing.T, o Options, c *auth.Credentials) (auth.Verdict, string) {
	t.Helper()
	plain := newStage(t, o).Authenticate(t.Context(), c)
	chain, err := auth.NewChain(auth.Options{Stages: []auth.Authenticator{newStage(t, o)}, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	x := chain.Explain(t.Context(), c)
	s := x.Stages[0]
	if s.Stage != auth.StageJWT || s.Decision != plain.Decision || s.Reason != plain.Reason || s.Detail != plain.Detail {
		t.Errorf("explained: %v %v %q, not explained: %v %v %q", s.Decision, s.Reason, s.Detail, plain.Decision, plain.Reason, plain.Detail)
	}
	var b strings.Builder
	for _, step := range s.Steps {
		fmt.Fprintf(&b, "%v %v: %s\n", step.Outcome, step.About, step.Text)
	}
	return plain, b.String()
}

func TestExplainKeys(t *testing.T) {
	hs, rs, es, other := authtest.NewSigner("HS256", 0), authtest.NewSigner("RS256", 0), authtest.NewSigner("ES256", 0), authtest.NewSigner("RS256", 1)
	set := func(keys ...authtest.JWK) *JWKSOptions { return staticJWKS(t, keys...) }
	short := strings.Split(es.Sign(claims()), ".")
	short[2] = authtest.Encode(make([]byte, 96))
	secret := hs.Secret()
	encoded := base64.StdEncoding.EncodeToString(secret)
	const unverified = ": the token was signed with another key, or changed since"
	for _, tc := range []struct {
		name  string
		o     Options
		token string
		want  []string
	}{
		{"the second key", Options{Secret: secret, PublicKeyPEM: append(es.PublicPEM(), rs.PublicPEM()...)}, rs.Sign(claims()), []string{
			"note key: the secret is passed over: it serves HS256, HS384, HS512, not RS256",
			"note key: key 1 of public_key_file (EC P-256) is passed over: it serves ES256, not RS256",
			"ok key: key 2 of public_key_file (RSA, 2048 bits) verifies the RS256 signature"}},
		{"no key", Options{PublicKeyPEM: rs.PublicPEM()}, other.Sign(claims()), []string{
			"fails key: key 1 of public_key_file (RSA, 2048 bits) does not verify the RS256 signature" + unverified}},
		{"an impossible signature", Options{PublicKeyPEM: es.PublicPEM()}, strings.Join(short, "."), []string{
			"fails key: key 1 of public_key_file (EC P-256): the signature has 96 bytes, one of ES256 has 64"}},
		{"the secret is base64", Options{Secret: []byte(encoded)}, hs.Sign(claims()), []string{
			"note key: the secret decoded from base64 verifies it: write secret_base64 = true"}},
		{"the secret is not base64", Options{Secret: secret}, authtest.NewKeySigner("HS256", []byte(encoded)).Sign(claims()), []string{
			"note key: the base64 text of the secret verifies it, not what it decodes to: write secret_base64 = false"}},
		{"a line end", Options{Secret: secret}, authtest.NewKeySigner("HS256", append(append([]byte{}, secret...), '\n')).Sign(claims()), []string{
			"note key: the secret with a line end behind it verifies it"}},
		{"the set's key", Options{JWKS: set(rs.JWK("a"), es.JWK("b"))}, rs.SignWith(map[string]any{"kid": "a"}, claims()), []string{
			`ok token: header: alg RS256, kid "a"`, "has 2 keys, fetched", `ok key: key "a" of the key set (RSA, 2048 bits) verifies the RS256 signature`}},
		{"the set's key of another algorithm", Options{JWKS: set(rs.JWK("a").With("alg", "PS256"))}, rs.SignWith(map[string]any{"kid": "a"}, claims()), []string{
			`note key: key "a" of the key set (RSA, 2048 bits) is passed over: it serves PS256 alone, not RS256`}},
		{"no kid", Options{JWKS: set(other.JWK("a"), rs.JWK("b"))}, rs.Sign(claims()), []string{
			`fails key: key "a" of the key set (RSA, 2048 bits) does not verify the RS256 signature`, `ok key: key "b" of the key set`}},
		{"a kid that is unknown", Options{JWKS: set(rs.JWK("a"))}, rs.SignWith(map[string]any{"kid": "z"}, claims()), []string{
			`fails key: the key set has no key "z": it has "a"`}},
		{"a key that can't be used", Options{JWKS: set(rs.JWK("a"), other.JWK("z").With("use", "enc"))}, other.SignWith(map[string]any{"kid": "z"}, claims()), []string{
			`fails key: key "z" of the key set can't be used: use is "enc", not sig`}},
		{"no set", Options{JWKS: &JWKSOptions{URL: "https://h/keys"}}, rs.Sign(claims()), []string{
			"fails key: the key set has never been loaded: neither fetched from https://h/keys nor read from a cache file"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, got := explained(t, tc.o, withPassword(tc.token))
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("got\n%swant in it\n%s", got, want)
				}
			}
			for _, secret := range append(strings.Split(tc.token, "."), string(secret), encoded) {
				if len(secret) > 8 && strings.Contains(got, secret) {
					t.Errorf("%q is in\n%s", secret, got)
				}
			}
		})
	}
}

func TestExplainClaims(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	o := Options{Secret: hs.Secret(), RequireExp: true, IdentityClaim: "sub", KeepClaims: []string{"device"},
		Claims: map[string]*auth.Template{"username": template(t, "%u"), "aud": template(t, "mqtt"), "id": template(t, "x-%c")}}
	at := now.Unix()
	nameless := withPassword(hs.Sign(map[string]any{
		"exp": at + 90, "nbf": at - 90, "iat": fmt.Sprint(at + 3600), "username": 10133, "aud": []any{"a", 1, []int{2}}, "sub": "", "device": true,
	}))
	nameless.ClientID = nil
	v, got := explained(t, o, nameless)
	if v.Reason != auth.TokenIssuedInFuture {
		t.Errorf("got %v, want the first fault to count", v.Reason)
	}
	for _, want := range []string{
		`ok time: claim "exp" is `, `, in 1m30s: it must be after now (now `, `ok time: claim "nbf" is `, `, 1m30s ago: it must be not after now`,
		`fails time: claim "iat" is `, `, in 1h: it must be`,
		`fails claim: claim "aud" is the array ["a", the number 1, an array], expected the string "mqtt", or an array of strings that holds it` + "\n",
		`fails claim: claim "id" is absent, expected what "x-%c" becomes, and %c has no value: the client did not send it`,
		`fails claim: claim "username" is the number 10133, expected the string "u1" (from "%u")`,
		`fails claim: claim "sub" is the string "", expected a string that is not empty (identity_claim)`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant in it\n%s", got, want)
		}
	}
	o.Claims, o.IgnoreIAT = nil, true
	_, got = explained(t, o, withPassword(hs.Sign(map[string]any{"iat": at + 3600, "sub": "u", "device": true, "exp": at + 9})))
	for _, want := range []string{
		`note time: claim "iat" is not judged (check_iat = false)`, `ok claim: claim "sub" is the string "u": the proven identity`,
		`note claim: claim "device" is true, and %{claim:device} has no value: only a string is one`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant in it\n%s", got, want)
		}
	}
	if _, got = explained(t, o, withPassword(hs.Sign(nil))); !strings.Contains(got, `fails time: claim "exp" is absent (require_exp = true)`) {
		t.Errorf("got\n%s", got)
	}
}

// A remembered token is told to be one, and its claims are explained all the same.
func TestExplainRemembered(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	for token, want := range map[string]string{
		hs.Sign(claims()): "ok key: the token is remembered: it was verified before",
		authtest.NewSigner("HS256", 1).Sign(claims()): "fails key: the token is remembered: no key in force verified it before",
	} {
		s := newStage(t, Options{Secret: hs.Secret()})
		c := withPassword(token)
		s.Authenticate(t.Context(), c)
		chain, err := auth.NewChain(auth.Options{Stages: []auth.Authenticator{s}, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		if got := chain.Explain(t.Context(), c).LogValue().String(); !strings.Contains(got, strings.SplitN(want, ": ", 2)[1]) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}
