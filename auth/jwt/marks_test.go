package jwt

import (
	"context"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

var marker = auth.NewMarker()

// markOf is the mark of the key that lets a token in; it is the same when the token is remembered.
func markOf(t *testing.T, s *Stage, token string) auth.Mark {
	t.Helper()
	first := s.Authenticate(context.Background(), withPassword(token))
	again := s.Authenticate(context.Background(), withPassword(token))
	if first.Decision != auth.Accept || first.Identity.Mark == 0 || first.Identity.Mark != again.Identity.Mark {
		t.Fatalf("got %v (%s) with mark %x, and %x again", first.Decision, first.Detail, first.Identity.Mark, again.Identity.Mark)
	}
	return first.Identity.Mark
}

// A configured key stands for as long as it is anywhere, and is gone at once when it is not.
func TestStandingOfAConfiguredKey(t *testing.T) {
	secret, es, other := authtest.NewKeySigner("HS256", []byte("a secret of thirty-two bytes ...")), authtest.NewSigner("ES256", 0), authtest.NewSigner("ES256", 1)
	both := Options{Secret: secret.Secret(), PublicKeyPEM: es.PublicPEM(), Marker: marker}
	s := newStage(t, both)
	ofSecret, ofES := markOf(t, s, secret.Sign(claims())), markOf(t, s, es.Sign(claims()))
	if ofSecret == ofES || ofSecret.Origin() != auth.OfKey || ofES.Origin() != auth.OfKey {
		t.Errorf("got marks %x and %x", ofSecret, ofES)
	}
	for _, tt := range []struct {
		name       string
		o          Options
		secret, es auth.Standing
	}{
		{"the same", both, auth.Stands, auth.Stands},
		{"secret gone", Options{PublicKeyPEM: es.PublicPEM()}, auth.Gone, auth.Stands},
		{"another secret", Options{Secret: []byte("another secret of many bytes"), PublicKeyPEM: es.PublicPEM()}, auth.Gone, auth.Stands},
		{"public key gone", Options{Secret: secret.Secret()}, auth.Stands, auth.Gone},
		{"another public key", Options{Secret: secret.Secret(), PublicKeyPEM: other.PublicPEM()}, auth.Stands, auth.Gone},
		{"one of two", Options{Secret: secret.Secret(), PublicKeyPEM: append(other.PublicPEM(), es.PublicPEM()...)}, auth.Stands, auth.Stands},
		{"in a set", Options{JWKS: staticJWKS(t, es.JWK("a"))}, auth.Gone, auth.Stands},
		{"a set that was never fetched", Options{JWKS: &JWKSOptions{URL: "https://idp.invalid/jwks"}}, auth.Gone, auth.Gone},
	} {
		tt.o.Marker, tt.o.Before = marker, s
		next := newStage(t, tt.o)
		if a, b := next.Standing(ofSecret), next.Standing(ofES); a != tt.secret || b != tt.es {
			t.Errorf("%s: got %d and %d, want %d and %d", tt.name, a, b, tt.secret, tt.es)
		}
	}
}

// More keys than there are numbers may come and go: marks do not change with them.
func TestMarkOutlivesTheNumbers(t *testing.T) {
	secret := authtest.NewKeySigner("HS256", []byte("a secret of thirty-two bytes ..."))
	s := newStage(t, Options{Secret: secret.Secret(), Marker: marker})
	m := markOf(t, s, secret.Sign(claims()))
	clear(s.memory.numbers.given)
	next := newStage(t, Options{Secret: secret.Secret(), Marker: marker, Before: s})
	if got := markOf(t, next, secret.Sign(claims())); got != m || next.Standing(m) != auth.Stands {
		t.Errorf("got mark %x, want %x; it stands: %d", got, m, next.Standing(m))
	}
}

// marked is what [live] makes, with marks.
func marked(t *testing.T, first authtest.Answer, f func(l *life)) {
	live(t, JWKSOptions{}, first, func(l *life) {
		l.jwks.ring.marker = marker // the first fetch, which made none, is followed by one that does
		l.jwks.set.Store(nil)
		l.after(6 * time.Minute)
		f(l)
	})
}

func (l *life) stands(when string, m auth.Mark, want auth.Standing) {
	l.t.Helper()
	if got := l.Standing(m); got != want {
		l.t.Errorf("%s: got standing %d, want %d", when, got, want)
	}
}

// interval is more than one refresh takes, and less than two.
const interval = 6 * time.Minute

func tokenBy(key *authtest.Signer, kid string) string {
	return key.SignWith(map[string]any{"kid": kid}, claims())
}

// Only two successful fetches in a row without a key withdraw it. An empty answer is one of two.
func TestKeyOfASetIsWithdrawnAfterTwoFetchesWithoutIt(t *testing.T) {
	a, b := rsaKey(0), rsaKey(1)
	for name, without := range map[string]authtest.Answer{"another key": authtest.Keys(b.JWK("b")), "an empty set": authtest.Keys()} {
		t.Run(name, func(t *testing.T) {
			marked(t, authtest.Keys(a.JWK("a")), func(l *life) {
				m := markOf(t, l.Stage, tokenBy(a, "a"))
				if m.Origin() != auth.OfFetchedKey {
					t.Errorf("got origin %d", m.Origin())
				}
				l.stands("at first", m, auth.Stands)
				l.idp.Set(without)
				l.after(interval)
				l.stands("missing once", m, auth.Stands)
				l.idp.Set(authtest.Keys(a.JWK("a")))
				l.after(interval)
				l.idp.Set(without)
				l.after(interval)
				l.stands("missing twice, not in a row", m, auth.Stands)
				for _, bad := range []authtest.Answer{authtest.Down(), authtest.Junk(), authtest.Status(500)} {
					l.idp.Set(bad)
					l.after(interval)
					l.stands("after fetches that failed", m, auth.Stands)
				}
				l.idp.Set(without)
				l.after(2 * interval)
				l.stands("missing twice in a row", m, auth.Withdrawn)
				l.idp.Set(authtest.Keys(a.JWK("c").With("alg", "RS256")))
				l.after(interval)
				l.stands("back, with another kid and bound", m, auth.Stands)
			})
		})
	}
}

// Each successful fetch is told of, and no other.
func TestFetchesAreToldOf(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		told := func(when string, want int) {
			t.Helper()
			if got := len(l.Fetched()); got != want {
				t.Errorf("%s: got %d, want %d", when, got, want)
			}
		}
		told("at start", 1)
		<-l.Fetched()
		l.idp.Set(authtest.Down())
		l.after(interval)
		told("after one that failed", 0)
		l.idp.Set(authtest.Keys())
		l.after(interval)
		told("after another one", 1)
	})
	if newStage(t, Options{Secret: []byte("a secret of thirty-two bytes ...")}).Fetched() != nil {
		t.Error("without a set there is something to be told")
	}
}

// What a reload does to the sessions of a set's keys.
func TestStandingOfAFetchedKeyAfterAReload(t *testing.T) {
	const url = "https://idp.invalid/jwks"
	a, b := rsaKey(0), rsaKey(1)
	marked(t, authtest.Keys(a.JWK("a")), func(l *life) {
		m := markOf(t, l.Stage, tokenBy(a, "a"))
		l.idp.Set(authtest.Keys(b.JWK("b")))
		l.after(interval)
		next := func(o Options) *Stage {
			o.Marker, o.Before, o.Now = marker, l.Stage, time.Now
			return newStage(t, o)
		}
		secret := []byte("a secret of thirty-two bytes ...")
		for name, tt := range map[string]struct {
			o    Options
			want auth.Standing
		}{
			"the same URL":          {Options{JWKS: &JWKSOptions{URL: url}}, auth.Stands},
			"another URL":           {Options{JWKS: &JWKSOptions{URL: url + "2"}}, auth.Stands},
			"no set any more":       {Options{Secret: secret}, auth.Withdrawn},
			"moved to the key file": {Options{PublicKeyPEM: a.PublicPEM()}, auth.Stands},
		} {
			if got := next(tt.o).Standing(m); got != tt.want {
				t.Errorf("%s: got %d, want %d", name, got, tt.want)
			}
		}
		l.after(interval) // the second one without it
		l.stands("in the old stage", m, auth.Withdrawn)
		if got := next(Options{JWKS: &JWKSOptions{URL: url}}).Standing(m); got != auth.Withdrawn {
			t.Errorf("the same URL, after two fetches: got %d, want withdrawn", got)
		}
		if got := next(Options{JWKS: &JWKSOptions{URL: url + "2"}}).Standing(m); got != auth.Stands {
			t.Errorf("another URL, after two fetches of the old one: got %d, want that nobody can tell", got)
		}
	})
}

// What a cache file holds is not one of the two fetches.
func TestCacheFileIsNoFetch(t *testing.T) {
	a, b := rsaKey(0), rsaKey(1)
	s := newStage(t, Options{JWKS: staticJWKS(t, a.JWK("a")), Marker: marker})
	m := markOf(t, s, tokenBy(a, "a"))
	fetch := func(keys ...authtest.JWK) {
		idp := authtest.NewProvider(keys...)
		s.jwks.client.Transport = idp
		if !s.jwks.refresh(t.Context()) {
			t.Fatal("the fetch failed")
		}
	}
	fetch(b.JWK("b"))
	if got := s.Standing(m); got != auth.Stands {
		t.Errorf("missing once: got %d", got)
	}
	fetch(b.JWK("b"))
	if got := s.Standing(m); got != auth.Withdrawn {
		t.Errorf("missing twice: got %d", got)
	}
}

// Nor does a fetch after it show what was missing twice.
func TestOneFetchAfterACacheFileWithdrawsNothing(t *testing.T) {
	a, b := rsaKey(0), rsaKey(1)
	m := markOf(t, newStage(t, Options{PublicKeyPEM: a.PublicPEM(), Marker: marker}), tokenBy(a, "a")).From(auth.OfFetchedKey)
	s := newStage(t, Options{JWKS: staticJWKS(t, b.JWK("b")), Marker: marker})
	for fetches, want := range []auth.Standing{auth.Stands, auth.Stands, auth.Withdrawn} {
		if got := s.Standing(m); got != want {
			t.Errorf("after %d fetches without the key: got %d, want %d", fetches, got, want)
		}
		s.jwks.client.Transport = authtest.NewProvider(b.JWK("b"))
		if !s.jwks.refresh(t.Context()) {
			t.Fatal("the fetch failed")
		}
	}
}
