package proxy_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/proxy/proxytest"
)

// rsa0 and rsa1 are two keys of a provider; signedBy is a token of one that names a kid.
func rsa0() *authtest.Signer { return authtest.NewSigner("RS256", 0) }
func rsa1() *authtest.Signer { return authtest.NewSigner("RS256", 1) }

func signedBy(s *authtest.Signer, kid string) string {
	return s.SignWith(map[string]any{"kid": kid}, map[string]any{"sub": "u1"})
}

// neverLoaded is a stage with everything configured, and a provider whose answer is of no use:
// a fetch has ended with result.
func neverLoaded(t testing.TB, answer authtest.Answer, result string) *jwt.Stage {
	t.Helper()
	idp := authtest.NewProvider()
	idp.Set(answer)
	s := tokens(t, jwt.Options{
		Secret: authtest.NewSigner("HS256", 0).Secret(), PublicKeyPEM: authtest.NewSigner("ES256", 0).PublicPEM(),
		JWKS: &jwt.JWKSOptions{URL: idp.Start(t)},
	})
	runStage(t, s)
	awaitFetch(t, s, result, 1)
	return s
}

// Section 9: the provider is down at the start, or answers something else than a key set.
// Only tokens that need its keys are sent away, and told to come again.
func TestKeySetNeverLoadedTable(t *testing.T) {
	hs, es := authtest.NewSigner("HS256", 0), authtest.NewSigner("ES256", 0)
	users := people(t, builtin.Options{Token: builtin.TokenInPassword}, "alice:"+hashSHA512)
	for name, test := range map[string]struct {
		answer authtest.Answer
		result string
	}{
		"down":         {authtest.Down(), "unreachable"},
		"junk":         {authtest.Junk(), "malformed"},
		"a bare key":   {authtest.Body(bareKey(rsa0().JWK("a"))), "malformed"},
		"status 503":   {authtest.Status(503, rsa0().JWK("a")), "status"},
		"over 1 MiB":   {authtest.Huge(1<<20 + 1), "too_large"},
		"keys is null": {authtest.Body(`{"keys":null}`), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			stage := neverLoaded(t, test.answer, test.result)
			runRows(t, judgedBy(t, users, stage), append(inPassword([]tokenRow{
				{"needs the set", signedBy(rsa0(), "a"), auth.KeysUnavailable, ""},
				{"needs the set, no kid", rsa0().Sign(nil), auth.KeysUnavailable, ""},
				{"malformed", "a.b.c", auth.TokenMalformed, ""},
				{"no token", "secret", auth.NoCredentials, ""},
				{"under the secret", hs.Sign(nil), auth.None, ""},
				{"under another secret", authtest.NewSigner("HS256", 1).Sign(nil), auth.BadSignature, ""},
				{"under the public key", es.Sign(nil), auth.None, ""},
				{"under another public key", authtest.NewSigner("ES256", 1).Sign(nil), auth.BadSignature, "the key set is not available"},
			}), row{"built-in user", "c1", "alice", rightPassword, auth.None, "builtin", ""}))
		})
	}
}

// bareKey is the JSON of a key that is in no set.
func bareKey(k authtest.JWK) string {
	return fmt.Sprintf(`{"kty":%q,"kid":%q,"n":%q,"e":%q}`, k["kty"], k["kid"], k["n"], k["e"])
}

// Section 9: the provider dies later, or answers junk. Devices with good tokens never notice.
func TestKeySetOutageTable(t *testing.T) {
	for name, test := range map[string]struct {
		answer authtest.Answer
		result string
	}{
		"down":       {authtest.Down(), "unreachable"},
		"junk":       {authtest.Junk(), "malformed"},
		"a bare key": {authtest.Body(bareKey(rsa1().JWK("b"))), "malformed"},
		"status 500": {authtest.Status(500, rsa1().JWK("b")), "status"},
		"status 204": {authtest.Status(204), "status"},
		"over 1 MiB": {authtest.Huge(1<<20 + 1), "too_large"},
		"redirects":  {authtest.Redirect(302, "/again"), "redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			idp := authtest.NewProvider(rsa0().JWK("a"))
			stage := withKeySet(t, jwt.Options{}, idp)
			idp.Set(test.answer)
			prepare := judgedBy(t, stage)
			// An unknown kid makes the stage look at the provider again, and be disappointed.
			runRows(t, prepare, inPassword([]tokenRow{{"unknown kid before", signedBy(rsa1(), "b"), auth.UnknownKid, ""}}))
			awaitFetch(t, stage, test.result, 1)
			runRows(t, prepare, inPassword([]tokenRow{
				{"known kid", signedBy(rsa0(), "a"), auth.None, ""},
				{"no kid", rsa0().Sign(nil), auth.None, ""},
				{"known kid, another key", signedBy(rsa1(), "a"), auth.BadSignature, ""},
				{"unknown kid", signedBy(rsa1(), "b"), auth.UnknownKid, ""},
			}))
		})
	}
}

// Section 9: rotation. The first client with a new kid is refused at once; it also has the
// set fetched early, and the next is let in.
func TestKeyRotation(t *testing.T) {
	for _, v := range versions {
		t.Run(v.String(), func(t *testing.T) {
			idp := authtest.NewProvider(rsa0().JWK("a"))
			stage := withKeySet(t, jwt.Options{}, idp)
			r := newRig(t, judgedBy(t, stage))
			old := row{id: "c1", user: "u1", password: signedBy(rsa0(), "a"), stage: "jwt"}
			young := row{id: "c2", user: "u1", password: signedBy(rsa1(), "b"), stage: "jwt"}
			refused := func(w row) row { w.reason = auth.UnknownKid; return w }
			r.play(old, v)
			idp.Set(authtest.Keys(rsa1().JWK("b")))
			r.play(refused(young), v)
			awaitFetch(t, stage, "ok", 2)
			r.play(young, v)
			r.play(refused(old), v) // it is gone
			r.expectDialled(2)
			if got := idp.Requests(); got != 2 {
				t.Errorf("requests to the provider: got %d, want 2", got)
			}
		})
	}
}

// Section 9: an empty set is a valid set, so it takes the place of the old one.
func TestEmptyKeySet(t *testing.T) {
	idp := authtest.NewProvider(rsa0().JWK("a"))
	stage := withKeySet(t, jwt.Options{}, idp)
	idp.Set(authtest.Keys())
	prepare := judgedBy(t, stage)
	runRows(t, prepare, inPassword([]tokenRow{{"before", signedBy(rsa0(), "a"), auth.None, ""}, {"asks", signedBy(rsa0(), "b"), auth.UnknownKid, ""}}))
	awaitFetch(t, stage, "ok", 2)
	runRows(t, prepare, inPassword([]tokenRow{
		{"with a kid", signedBy(rsa0(), "a"), auth.UnknownKid, ""},
		{"without", rsa0().Sign(nil), auth.BadSignature, "no key fits RS256"},
	}))
}

// hanging is a provider that answers nobody until the release.
func hanging(keys ...authtest.JWK) (answer authtest.Answer, release chan struct{}) {
	release = make(chan struct{})
	good := authtest.Keys(keys...)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
			good(w, r)
		case <-r.Context().Done():
		}
	}, release
}

// No CONNECT ever waits for HTTP: every client of the test has its answer while the provider
// still owes one, and only then is it made to give it.
func TestNoConnectWaitsForTheProvider(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	idp := authtest.NewProvider()
	answer, release := hanging(rsa0().JWK("a"))
	idp.Set(answer)
	var stage *jwt.Stage
	r := newRig(t, func(o *options) { // the provider ends before the rig looks for leaks
		users := people(t, builtin.Options{Token: builtin.TokenInPassword}, "alice:"+hashSHA512)
		stage = tokens(t, jwt.Options{Secret: hs.Secret(), JWKS: &jwt.JWKSOptions{URL: idp.Start(t), Timeout: time.Minute}})
		runStage(t, stage)
		o.Chain = chainOf(t, users, stage)
	})
	dialled := 0
	play := func(id, user, password, stage string, reason auth.Reason) {
		for _, v := range versions {
			dialled += r.play(row{id: id, user: user, password: password, stage: stage, reason: reason}, v)
		}
	}
	first, second := signedBy(rsa0(), "a"), signedBy(rsa1(), "b")

	proxytest.Eventually(t, "the provider is asked", func() bool { return idp.Requests() == 1 })
	play("needs-the-set", "u1", first, "jwt", auth.KeysUnavailable)
	play("under-the-secret", "u1", hs.Sign(nil), "jwt", auth.None)
	play("under-no-secret", "u1", authtest.NewSigner("HS256", 1).Sign(nil), "jwt", auth.BadSignature)
	play("built-in", "alice", rightPassword, "builtin", auth.None)
	expectOwing(t, stage, idp, 1)
	close(release)
	awaitFetch(t, stage, "ok", 1)
	play("needed-the-set", "u1", first, "jwt", auth.None)

	answer, release = hanging(rsa0().JWK("a"), rsa1().JWK("b"))
	idp.Set(answer)
	play("new-kid", "u1", second, "jwt", auth.UnknownKid) // has the set fetched
	proxytest.Eventually(t, "the provider is asked again", func() bool { return idp.Requests() == 2 })
	play("new-kid-meanwhile", "u1", second, "jwt", auth.UnknownKid)
	play("known-kid-meanwhile", "u1", first, "jwt", auth.None)
	expectOwing(t, stage, idp, 2)
	close(release)
	awaitFetch(t, stage, "ok", 2)
	play("new-kid-afterwards", "u1", second, "jwt", auth.None)
	r.expectDialled(dialled)
	if dialled != 15 {
		t.Errorf("clients let in: got %d, want 15", dialled)
	}
}

// expectOwing demands that the provider has answered all of n requests but the last.
func expectOwing(t *testing.T, s *jwt.Stage, idp *authtest.Provider, n int) {
	t.Helper()
	status, _ := s.JWKSStatus()
	ended := uint64(0)
	for _, f := range status.Fetches {
		ended += f.Count
	}
	if got := idp.Requests(); got != n || ended != uint64(n-1) {
		t.Errorf("got %d requests of which %d have ended, want %d and %d", got, ended, n, n-1)
	}
}

// A refusal for missing keys is no judgement of the device: uniform codes leave it alone.
func TestKeysUnavailableKeepsItsCodeWhenUniform(t *testing.T) {
	stage := neverLoaded(t, authtest.Down(), "unreachable")
	r := newRig(t, func(o *options) {
		o.Chain = chainOf(t, stage)
		o.Refusals.Uniform = true
	})
	for _, v := range versions {
		r.play(row{id: "c1", user: "u1", password: signedBy(rsa0(), "a"), reason: auth.KeysUnavailable, stage: "jwt"}, v)
	}
	r.expectDialled(0)
}
