package jwt

import (
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func TestReloadKeepsTokensOfAKeyThatStays(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	token := hs.Sign(claims())
	want(t, s, token, auth.Accept, auth.None)
	n.took(t, "first", 1)
	s = after(t, s, Options{Secret: hs.Secret()})
	want(t, s, token, auth.Accept, auth.None)
	s = after(t, s, Options{Secret: hs.Secret(), PublicKeyPEM: rsaKey(0).PublicPEM()})
	want(t, s, token, auth.Accept, auth.None)
	want(t, s, token, auth.Accept, auth.None)
	n.took(t, "after reloads that leave the secret alone", 0)

	// What is declared is judged as it is now declared.
	s = after(t, s, Options{Secret: hs.Secret(), Claims: map[string]*auth.Template{"zone": template(t, "north")}})
	want(t, s, token, auth.Deny, auth.ClaimMissing)
	s = after(t, s, Options{Secret: hs.Secret(), RequireExp: true})
	want(t, s, token, auth.Deny, auth.ClaimMissing)
	s = after(t, s, Options{Secret: hs.Secret(), IdentityClaim: "sub", KeepClaims: []string{"sub"}})
	if v := want(t, s, token, auth.Accept, auth.None); v.Identity.Name != "u1" || v.Identity.Claims["sub"] != "u1" {
		t.Errorf("got identity %+v, want what is now wanted of the claims", v.Identity)
	}
	n.took(t, "after reloads of the claims", 0)

	// Another limit is another memory.
	s = after(t, s, Options{Secret: hs.Secret(), TokenCache: 10})
	want(t, s, token, auth.Accept, auth.None)
	n.took(t, "after a reload of the limit", 1)
}

func TestSecretChangedAndChangedBack(t *testing.T) {
	n := count(t, "HS256")
	a, b := authtest.NewSigner("HS256", 0), authtest.NewSigner("HS256", 1)
	s := newStage(t, Options{Secret: a.Secret()})
	byA, byB := a.Sign(claims()), b.Sign(claims())
	for range 3 {
		want(t, s, byA, auth.Accept, auth.None)
		want(t, s, byB, auth.Deny, auth.BadSignature)
		s = after(t, s, Options{Secret: b.Secret()})
		want(t, s, byA, auth.Deny, auth.BadSignature)
		want(t, s, byB, auth.Accept, auth.None)
		s = after(t, s, Options{Secret: a.Secret()})
	}
	n.n.Store(0)
	want(t, s, byA, auth.Accept, auth.None)
	n.took(t, "the key of the beginning", 0)
}

// The old stage is asked before the reload and answers after it.
func TestReloadBetweenVerifyingAndInserting(t *testing.T) {
	a, b := authtest.NewSigner("HS256", 0), authtest.NewSigner("HS256", 1)
	byA, byB := a.Sign(claims()), b.Sign(claims())
	for _, stays := range []bool{false, true} {
		n := count(t, "HS256")
		old := newStage(t, Options{Secret: a.Secret()})
		var next *Stage
		n.after = func() {
			if next == nil {
				o := Options{Secret: b.Secret()}
				if stays {
					o = Options{Secret: a.Secret(), PublicKeyPEM: rsaKey(0).PublicPEM()}
				}
				next = after(t, old, o)
			}
		}
		want(t, old, byA, auth.Accept, auth.None)
		if old.memory.good.len() != 1 {
			t.Fatal("the token was not remembered")
		}
		if stays {
			n.took(t, "before", 1)
			want(t, next, byA, auth.Accept, auth.None)
			n.took(t, "under the key that stayed", 0)
			continue
		}
		for range 2 {
			want(t, next, byA, auth.Deny, auth.BadSignature)
			want(t, next, byB, auth.Accept, auth.None)
		}
		// And the other way round: the old one refuses after the new one has accepted.
		want(t, old, byB, auth.Deny, auth.BadSignature)
		want(t, next, byB, auth.Accept, auth.None)
	}
}

// The same for a refresh of the key set: the verdict is put away with the set that it came from.
func TestRefreshBetweenVerifyingAndInserting(t *testing.T) {
	n := count(t, "RS256")
	s := newStage(t, remote())
	s.publish(t, rsaKey(0).JWK("a"))
	refreshed := false
	n.after = func() {
		if !refreshed {
			refreshed = true
			s.publish(t, rsaKey(1).JWK("a"))
		}
	}
	good, bad := rsaKey(0).SignWith(cachedToken, claims()), rsaKey(1).SignWith(cachedToken, claims())
	want(t, s, good, auth.Accept, auth.None)
	want(t, s, good, auth.Deny, auth.BadSignature)

	s.publish(t, rsaKey(0).JWK("a"))
	refreshed = false
	want(t, s, bad, auth.Deny, auth.BadSignature)
	want(t, s, bad, auth.Accept, auth.None)
}

func TestKeySetChanges(t *testing.T) {
	a, b := rsaKey(0), rsaKey(1)
	kid := a.SignWith(map[string]any{"kid": "a"}, claims())
	none := a.Sign(claims())
	older := make([]any, maxCandidates)
	for i := range older {
		older[i] = rsaKey(i + 1).JWK("old")
	}
	tests := []struct {
		name       string
		keys       []any
		kid, none  auth.Reason
		signatures int64 // that both tokens take
	}{
		{"nothing", []any{a.JWK("a"), b.JWK("b")}, auth.None, auth.None, 0},
		{"another order", []any{b.JWK("b"), a.JWK("a")}, auth.None, auth.None, 0},
		{"another key rotated", []any{a.JWK("a"), rsaKey(2).JWK("c")}, auth.None, auth.None, 0},
		{"a key that can't be used", []any{a.JWK("a"), "junk"}, auth.None, auth.None, 0},
		{"rotated away", []any{b.JWK("b")}, auth.UnknownKid, auth.BadSignature, 1},
		{"rotated away, and its kid taken", []any{b.JWK("a")}, auth.BadSignature, auth.BadSignature, 2},
		{"emptied", nil, auth.UnknownKid, auth.BadSignature, 0},
		{"kid changed", []any{a.JWK("z"), b.JWK("b")}, auth.UnknownKid, auth.None, 0},
		{"kid taken away", []any{a.JWK(""), b.JWK("b")}, auth.UnknownKid, auth.None, 0},
		{"bound to this algorithm", []any{a.JWK("a").With("alg", "RS256")}, auth.None, auth.None, 2},
		{"bound to another algorithm", []any{a.JWK("a").With("alg", "PS256")}, auth.BadSignature, auth.BadSignature, 0},
		{"for encryption", []any{a.JWK("a").With("use", "enc")}, auth.UnknownKid, auth.BadSignature, 0},
		{"beyond the keys that are tried", append(older[:maxCandidates:maxCandidates], a.JWK("a")), auth.None, auth.BadSignature, maxCandidates},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, remote())
			s.publish(t, a.JWK("a"), b.JWK("b"))
			want(t, s, kid, auth.Accept, auth.None)
			want(t, s, none, auth.Accept, auth.None)
			n := count(t, "RS256")
			judge := func(token string, r auth.Reason) {
				t.Helper()
				d := auth.Deny
				if r == auth.None {
					d = auth.Accept
				}
				want(t, s, token, d, r)
			}
			s.publish(t, test.keys...)
			judge(kid, test.kid)
			judge(none, test.none)
			n.took(t, "both tokens", test.signatures)
			judge(kid, test.kid)
			judge(none, test.none)
			n.took(t, "both again", 0)
			s.publish(t, a.JWK("a"), b.JWK("b"))
			judge(kid, auth.None)
			judge(none, auth.None)
			if test.name != "bound to this algorithm" { // which is another key, seen since
				n.took(t, "as it was at first", 0)
			}
		})
	}
}

func TestKeyRotatedAway(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		n := count(l.t, "RS256")
		l.judges("a", rsaKey(0), auth.None)
		l.after(6 * time.Minute)
		l.requests("when the set was fetched again", 2)
		l.judges("a", rsaKey(0), auth.None)
		n.took(l.t, "after a refresh of the same keys", 1)
		l.idp.Set(authtest.Keys(rsaKey(1).JWK("b")))
		l.after(6 * time.Minute)
		l.judges("a", rsaKey(0), auth.UnknownKid)
		l.judges("b", rsaKey(1), auth.None)
		l.succeed(JWKSOptions{URL: "https://idp.invalid/jwks"}, func(next *life) {
			next.judges("a", rsaKey(0), auth.UnknownKid)
			n.n.Store(0)
			next.judges("b", rsaKey(1), auth.None)
			n.took(l.t, "after a reload", 0)
		})
		l.succeed(JWKSOptions{URL: "https://idp.invalid/other"}, func(next *life) {
			next.judges("b", rsaKey(1), auth.KeysUnavailable)
		})
	})
}

func TestSetThatLapsesTakesItsTokensAlong(t *testing.T) {
	live(t, JWKSOptions{MaxStale: time.Hour}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		n := count(l.t, "RS256")
		l.judges("a", rsaKey(0), auth.None)
		l.idp.Set(authtest.Down())
		l.after(time.Hour + 1)
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		l.idp.Set(authtest.Keys(rsaKey(0).JWK("a")))
		l.after(10 * time.Minute)
		l.judges("a", rsaKey(0), auth.None)
		n.took(l.t, "before and after the outage", 1)
	})
}

// A key that moves from the set to the file is the same key.
func TestKeyMovesFromTheSetToTheFile(t *testing.T) {
	n := count(t, "RS256")
	s := newStage(t, remote())
	s.publish(t, rsaKey(0).JWK("a"))
	token := rsaKey(0).SignWith(cachedToken, claims())
	want(t, s, token, auth.Accept, auth.None)
	s = after(t, s, Options{PublicKeyPEM: rsaKey(0).PublicPEM()})
	want(t, s, token, auth.Accept, auth.None)
	n.took(t, "in all", 1)
	s = after(t, s, Options{PublicKeyPEM: rsaKey(1).PublicPEM()})
	want(t, s, token, auth.Deny, auth.BadSignature)
}

var cachedToken = map[string]any{"kid": "a"}
