package proxy_test

import (
	"context"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
	"mqttward/proxy/proxytest"
)

// runStage keeps the key set of s fresh until the test ends.
func runStage(t testing.TB, s *jwt.Stage) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		s.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// fetched is how many fetches of the key set have ended with a result.
func fetched(s *jwt.Stage, result string) (n uint64) {
	status, _ := s.JWKSStatus()
	for _, f := range status.Fetches {
		if f.Result == result {
			n += f.Count
		}
	}
	return n
}

// awaitFetch waits for the nth fetch that ends with result.
func awaitFetch(t testing.TB, s *jwt.Stage, result string, n uint64) {
	t.Helper()
	proxytest.Eventually(t, "a fetch that ends with "+result, func() bool { return fetched(s, result) >= n })
}

// withKeySet is the stage of o with a key set that idp publishes, loaded once.
func withKeySet(t testing.TB, o jwt.Options, idp *authtest.Provider) *jwt.Stage {
	t.Helper()
	o.JWKS = &jwt.JWKSOptions{URL: idp.Start(t)}
	s := tokens(t, o)
	runStage(t, s)
	awaitFetch(t, s, "ok", 1)
	return s
}

// publicKinds are an algorithm of each kind of public key.
var publicKinds = []string{"RS256", "ES256", "ES384", "ES512", "EdDSA"}

// everyKey configures everything at once: the secret number 0, the public keys number 0 of
// every kind, and a key set with the keys number 1, each of which has its kind's name for a
// kid.
func everyKey(t testing.TB) *jwt.Stage {
	t.Helper()
	o := jwt.Options{Secret: authtest.NewSigner("HS256", 0).Secret()}
	var set []authtest.JWK
	for _, alg := range publicKinds {
		o.PublicKeyPEM = append(o.PublicKeyPEM, authtest.NewSigner(alg, 0).PublicPEM()...)
		set = append(set, authtest.NewSigner(alg, 1).JWK(alg))
	}
	return withKeySet(t, o, authtest.NewProvider(set...))
}

// kidOf is the kid of everyKey's key for alg.
func kidOf(alg string) map[string]any {
	switch alg[:2] {
	case "RS", "PS":
		alg = "RS256"
	}
	return map[string]any{"kid": alg}
}

// Section 7: with a secret, public keys and a key set at once, each token finds its key.
func TestEveryAlgorithmFindsItsKeyTable(t *testing.T) {
	prepare := judgedBy(t, everyKey(t))
	for _, alg := range authtest.Algorithms() {
		configured, published, stranger := authtest.NewSigner(alg, 0), authtest.NewSigner(alg, 1), authtest.NewSigner(alg, 2)
		other := map[string]any{"kid": "other"}
		expired := map[string]any{"exp": clock.Unix() - 1}
		rows := []tokenRow{
			{"configured", configured.Sign(nil), auth.None, ""},
			{"configured, whatever the kid", configured.SignWith(other, nil), auth.None, ""},
			{"configured, the kid of another key", configured.SignWith(kidOf(alg), nil), auth.None, ""},
			{"configured, expired", configured.Sign(expired), auth.TokenExpired, ""},
			{"stranger", stranger.Sign(nil), auth.BadSignature, ""},
		}
		if alg[0] == 'H' { // no key set has secrets
			rows = append(rows,
				tokenRow{"stranger with a kid", published.SignWith(other, nil), auth.BadSignature, ""})
		} else {
			rows = append(rows,
				tokenRow{"published", published.SignWith(kidOf(alg), nil), auth.None, ""},
				tokenRow{"published, no kid", published.Sign(nil), auth.None, ""},
				tokenRow{"published, another kid", published.SignWith(other, nil), auth.UnknownKid, ""},
				tokenRow{"published, expired", published.SignWith(kidOf(alg), expired), auth.TokenExpired, ""},
				tokenRow{"stranger with the kid", stranger.SignWith(kidOf(alg), nil), auth.BadSignature, ""})
		}
		t.Run(alg, func(t *testing.T) { runRows(t, prepare, inPassword(rows)) })
	}
}

// Section 7: each kind of key takes its own algorithms and no others, even where a signature
// of that very key comes under another name.
func TestKeyKindsTakeTheirAlgorithmsOnlyTable(t *testing.T) {
	serves := map[string][]string{
		"HS256": {"HS256", "HS384", "HS512"},
		"RS256": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
		"ES256": {"ES256"}, "ES384": {"ES384"}, "ES512": {"ES512"}, "EdDSA": {"EdDSA"},
	}
	for kind, algs := range serves {
		key := authtest.NewSigner(kind, 0)
		var o jwt.Options
		if kind == "HS256" {
			o.Secret = key.Secret()
		} else {
			o.PublicKeyPEM = key.PublicPEM()
		}
		served := map[string]bool{}
		for _, alg := range algs {
			served[alg] = true
		}
		var rows []tokenRow
		for _, alg := range authtest.Algorithms() {
			if served[alg] {
				rows = append(rows, tokenRow{alg, authtest.NewSigner(alg, 0).Sign(nil), auth.None, ""})
				continue
			}
			rows = append(rows,
				tokenRow{alg, authtest.NewSigner(alg, 0).Sign(nil), auth.BadSignature, "no key is configured for " + alg},
				tokenRow{alg + " as a wrong name", key.SignWith(map[string]any{"alg": alg}, nil), auth.BadSignature, ""})
		}
		t.Run(kind, func(t *testing.T) { runRows(t, judgedBy(t, tokens(t, o)), inPassword(rows)) })
	}
}

// The public keys come before the key set, and the first key that verifies decides: a token
// that it finds expired is not shown to any other, and the provider is not asked.
func TestFirstKeyThatVerifiesIsFinal(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	idp := authtest.NewProvider(rs.JWK("a"))
	stage := withKeySet(t, jwt.Options{Secret: authtest.NewSigner("HS256", 0).Secret(), PublicKeyPEM: rs.PublicPEM()}, idp)
	a, unknown := map[string]any{"kid": "a"}, map[string]any{"kid": "unknown"}
	expired := map[string]any{"exp": clock.Unix() - 1}
	runRows(t, judgedBy(t, stage), inPassword([]tokenRow{
		{"under both, good", rs.SignWith(a, nil), auth.None, ""},
		{"under both, expired", rs.SignWith(a, expired), auth.TokenExpired, ""},
		{"under both, a kid that only the set would miss", rs.SignWith(unknown, nil), auth.None, ""},
		{"under both, that kid and expired", rs.SignWith(unknown, expired), auth.TokenExpired, ""},
		{"under the secret, expired", authtest.NewSigner("HS256", 0).SignWith(a, expired), auth.TokenExpired, ""},
	}))
	if got := idp.Requests(); got != 1 {
		t.Errorf("requests to the provider: got %d, want 1", got)
	}
}

// Section 7: the empty string means not configured, and is no key that anybody could use.
func TestEmptySecretIsNoKey(t *testing.T) {
	stage := tokens(t, jwt.Options{Secret: []byte{}, PublicKeyPEM: authtest.NewSigner("ES256", 0).PublicPEM()})
	runRows(t, judgedBy(t, stage), inPassword([]tokenRow{
		{"signed with nothing", authtest.NewKeySigner("HS256", []byte{}).Sign(nil), auth.BadSignature, "no key is configured for HS256"},
		{"signed with the key", authtest.NewSigner("ES256", 0).Sign(nil), auth.None, ""},
	}))
}
