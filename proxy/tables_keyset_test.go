package proxy_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
	"mqttward/proxy/proxytest"
)

// Section 9: keys are judged one by one; what can't be used is passed over, with one warning
// each, and spoils nothing.
func TestKeysPassedOverOneByOne(t *testing.T) {
	ec := authtest.NewSigner("ES256", 0)
	bad := map[string]authtest.JWK{
		"oct":         {"kty": "oct", "k": "c2VjcmV0"},
		"unknown-kty": rsa1().JWK("").With("kty", "XYZ"),
		"enc":         rsa1().JWK("").With("use", "enc"),
		"curve":       ec.JWK("").With("crv", "secp256k1"),
		"base64":      rsa1().JWK("").With("n", "!!!"),
		"off-curve":   ec.JWK("").With("x", authtest.Encode(make([]byte, 32))),
		"short-rsa":   rsa1().JWK("").With("n", authtest.Encode([]byte{0xff, 1, 2, 3})),
		"private":     rsa1().JWK("").With("d", "AQAB"),
		"no-kty":      rsa1().JWK("").With("kty", nil),
		"number":      rsa1().JWK("").With("n", 5),
		"alg-of-hmac": rsa1().JWK("").With("alg", "HS256"),
	}
	set := []authtest.JWK{}
	rows := []tokenRow{
		{"the good key", signedBy(rsa0(), "good"), auth.None, ""},
		{"the good key, no kid", rsa0().Sign(nil), auth.None, ""},
		{"a passed key, no kid", rsa1().Sign(nil), auth.BadSignature, ""},
	}
	for kid, k := range bad {
		set = append(set, k.With("kid", kid))
		rows = append(rows, tokenRow{kid, signedBy(rsa1(), kid), auth.UnknownKid, ""})
	}
	set = append(set, rsa0().JWK("good"))
	log := &proxytest.Log{}
	stage := withKeySet(t, jwt.Options{Log: slog.New(slog.NewTextHandler(log, nil))}, authtest.NewProvider(set...))
	runRows(t, judgedBy(t, stage), inPassword(rows))
	for kid := range bad {
		if got := strings.Count(log.String(), "kid="+kid+" "); got != 1 {
			t.Errorf("warnings of key %q: got %d, want 1:\n%s", kid, got, log)
		}
	}
	if strings.Contains(log.String(), "kid=good") {
		t.Errorf("the good key is warned of:\n%s", log)
	}
}

// Section 9: which of a set's keys are tried for a token.
func TestKeySetLookUpTable(t *testing.T) {
	many := []authtest.JWK{}
	for i := range 17 {
		many = append(many, authtest.NewSigner("ES256", i).JWK(fmt.Sprint("k", i)))
	}
	set := append(many,
		rsa0().JWK(""),      // without a kid
		rsa1().JWK("twice"), // two keys of one kid
		authtest.NewSigner("EdDSA", 1).JWK("twice"), // and of another kind
		authtest.NewSigner("RS256", 2).JWK("bound").With("alg", "PS256"),
		authtest.NewSigner("ES384", 0).JWK("").With("alg", "ES384"),
	)
	es := func(i int) *authtest.Signer { return authtest.NewSigner("ES256", i) }
	rsBound, psBound := authtest.NewSigner("RS256", 2), authtest.NewSigner("PS256", 2)
	runRows(t, judgedBy(t, withKeySet(t, jwt.Options{}, authtest.NewProvider(set...))), inPassword([]tokenRow{
		{"no kid, first of many that fit", es(0).Sign(nil), auth.None, ""},
		{"no kid, the 16th", es(15).Sign(nil), auth.None, ""},
		{"no kid, the 17th", es(16).Sign(nil), auth.BadSignature, "none of the first 16 keys"},
		{"the 17th by its kid", signedBy(es(16), "k16"), auth.None, ""},
		{"the kid of another", signedBy(es(16), "k15"), auth.BadSignature, ""},
		{"no kid on either side", rsa0().Sign(nil), auth.None, ""},
		{"a kid, and the key has none", signedBy(rsa0(), "x"), auth.UnknownKid, ""},
		{"an empty kid is a kid", signedBy(rsa0(), ""), auth.UnknownKid, ""},
		{"a kid in another case", signedBy(rsa1(), "Twice"), auth.UnknownKid, ""},
		{"a kid of two keys, the first", signedBy(rsa1(), "twice"), auth.None, ""},
		{"a kid of two keys, the second", signedBy(authtest.NewSigner("EdDSA", 1), "twice"), auth.None, ""},
		{"a kid of a key of another kind", signedBy(rsa1(), "k0"), auth.BadSignature, "no key fits RS256"},
		{"the key's own alg", signedBy(psBound, "bound"), auth.None, ""},
		{"the key's own alg, no kid", psBound.Sign(nil), auth.None, ""},
		{"not the key's own alg", signedBy(rsBound, "bound"), auth.BadSignature, "no key fits RS256"},
		{"not the key's own alg, no kid", rsBound.Sign(nil), auth.BadSignature, ""},
		{"no key of that kind", authtest.NewSigner("ES512", 0).Sign(nil), auth.BadSignature, "no key fits ES512"},
	}))
}

// Section 9: the disk cache serves a restart in an outage, from the first CONNECT on; what
// can't be trusted, or is another's, or too old, does not.
func TestKeySetCacheTable(t *testing.T) {
	idp := authtest.NewProvider(rsa0().JWK("a"))
	url := idp.Start(t)
	file := filepath.Join(t.TempDir(), "jwks.json")
	start := func(t *testing.T, o jwt.JWKSOptions, now time.Time) *jwt.Stage {
		o.CacheFile = file
		s := tokens(t, jwt.Options{JWKS: &o, Now: func() time.Time { return now }})
		runStage(t, s)
		return s
	}
	t.Run("first start", func(t *testing.T) {
		s := start(t, jwt.JWKSOptions{URL: url}, clock)
		awaitFetch(t, s, "ok", 1)
		runRows(t, judgedBy(t, s), inPassword([]tokenRow{{"known", signedBy(rsa0(), "a"), auth.None, ""}}))
	})
	idp.Set(authtest.Down())
	for _, test := range []struct {
		name         string
		o            jwt.JWKSOptions
		now          time.Time
		mode         os.FileMode
		known, other auth.Reason // of tokens with the set's kid and another
	}{
		{"restart", jwt.JWKSOptions{URL: url}, clock, 0o600, auth.None, auth.UnknownKid},
		{"restart after a year", jwt.JWKSOptions{URL: url}, clock.AddDate(1, 0, 0), 0o600, auth.None, auth.UnknownKid},
		{"not yet stale", jwt.JWKSOptions{URL: url, MaxStale: time.Hour}, clock.Add(time.Hour), 0o600, auth.None, auth.UnknownKid},
		{"stale since its fetch", jwt.JWKSOptions{URL: url, MaxStale: time.Hour}, clock.Add(time.Hour + 1), 0o600, auth.KeysUnavailable, auth.KeysUnavailable},
		{"another URL's file", jwt.JWKSOptions{URL: url + "?other"}, clock, 0o600, auth.KeysUnavailable, auth.KeysUnavailable},
		{"the group may write it", jwt.JWKSOptions{URL: url}, clock, 0o660, auth.KeysUnavailable, auth.KeysUnavailable},
		{"anybody may write it", jwt.JWKSOptions{URL: url}, clock, 0o602, auth.KeysUnavailable, auth.KeysUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := os.Chmod(file, test.mode); err != nil {
				t.Fatal(err)
			}
			runRows(t, judgedBy(t, start(t, test.o, test.now)), inPassword([]tokenRow{
				{"known", signedBy(rsa0(), "a"), test.known, ""},
				{"other", signedBy(rsa1(), "b"), test.other, ""},
			}))
		})
	}
}
