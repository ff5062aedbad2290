package jwt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gojwt "github.com/golang-jwt/jwt/v5"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// counter counts the signatures that are verified by a method, and may do something after each.
type counter struct {
	gojwt.SigningMethod
	n     atomic.Int64
	after func()
}

func (c *counter) Verify(signed string, signature []byte, key any) error {
	err := c.SigningMethod.Verify(signed, signature, key)
	c.n.Add(1)
	if c.after != nil {
		c.after()
	}
	return err
}

// count makes a counter of an algorithm's signatures, for as long as the test runs.
func count(t testing.TB, alg string) *counter {
	a := algorithms[alg]
	c := &counter{SigningMethod: a.method}
	a.method = c
	t.Cleanup(func() { a.method = c.SigningMethod })
	return c
}

// took checks how many signatures were verified since it was last asked.
func (c *counter) took(t testing.TB, when string, want int64) {
	t.Helper()
	if got := c.n.Swap(0); got != want {
		t.Errorf("%s: got %d signatures verified, want %d", when, got, want)
	}
}

// keysOf are the options of one signer's key, and of nothing else.
func keysOf(s *authtest.Signer) Options {
	if strings.HasPrefix(s.Alg(), "HS") {
		return Options{Secret: s.Secret()}
	}
	return Options{PublicKeyPEM: s.PublicPEM()}
}

// after returns the stage of o that takes the place of before.
func after(t testing.TB, before *Stage, o Options) *Stage {
	t.Helper()
	o.Before = before
	return newStage(t, o)
}

// publish puts a key set in force.
func (s *Stage) publish(t testing.TB, keys ...any) {
	t.Helper()
	set, err := parseKeySet(setJSON(keys...))
	if err != nil {
		t.Fatal(err)
	}
	set.fetched = s.now()
	s.jwks.install(set)
}

// remote are options with a key set alone, which nobody has fetched.
func remote() Options { return Options{JWKS: &JWKSOptions{URL: "https://idp.invalid/jwks"}} }

func TestTokenSeenBeforeCostsNoSignature(t *testing.T) {
	for _, alg := range authtest.Algorithms() {
		n := count(t, alg)
		good, bad := authtest.NewSigner(alg, 0), authtest.NewSigner(alg, 1)
		o := keysOf(good)
		o.IdentityClaim = "sub"
		s := newStage(t, o)
		token, junk := good.Sign(claims()), bad.Sign(claims())
		for i := range 3 {
			if v := want(t, s, token, auth.Accept, auth.None); v.Identity.Name != "u1" {
				t.Errorf("%s, time %d: got identity %q, want u1", alg, i, v.Identity.Name)
			}
			want(t, s, junk, auth.Deny, auth.BadSignature)
			n.took(t, fmt.Sprintf("%s, time %d", alg, i), map[bool]int64{true: 2, false: 0}[i == 0])
		}
		want(t, s, token[:len(token)-8]+"AAAAAAAA", auth.Deny, auth.BadSignature)
		n.took(t, alg+", signature changed", 1)
	}
}

// What is remembered is the token, not who came with it.
func TestTokenSeenBeforeIsJudgedForEachClient(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	o := Options{Secret: hs.Secret(), Claims: map[string]*auth.Template{
		"user": template(t, "%u"), "device": template(t, "%c"),
	}}
	client := func(user, id string, token string) *auth.Credentials {
		c := &auth.Credentials{ClientID: []byte(id), Password: []byte(token), HasPassword: true}
		if user != "" {
			c.UserName, c.HasUserName = []byte(user), true
		}
		return c
	}
	token := hs.Sign(map[string]any{"user": "u1", "device": "c1"})
	tests := []struct {
		name, user, id string
		r              auth.Reason
	}{
		{"the owner", "u1", "c1", auth.None},
		{"another user name", "u2", "c1", auth.ClaimMismatch},
		{"another client id", "u1", "c2", auth.ClaimMismatch},
		{"no user name", "", "c1", auth.ClaimMissing},
		{"no client id", "u1", "", auth.ClaimMissing},
		{"the owner again", "u1", "c1", auth.None},
	}
	// Whoever of them comes first.
	for first := range tests {
		s := newStage(t, o)
		for i := range tests {
			test := tests[(first+i)%len(tests)]
			v := s.Authenticate(context.Background(), client(test.user, test.id, token))
			if v.Reason != test.r || (v.Decision == auth.Accept) != (test.r == auth.None) {
				t.Errorf("%s, after %s: got %v %v (%s), want reason %v", test.name, tests[first].name, v.Decision, v.Reason, v.Detail, test.r)
			}
		}
		n.took(t, tests[first].name+" first", 1)
	}
}

func TestTokenSeenBeforeIsJudgedAtEachTime(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	at := now
	s := newStage(t, Options{Secret: hs.Secret(), Now: func() time.Time { return at }})
	token := hs.Sign(map[string]any{"nbf": now.Unix() + 10, "exp": now.Unix() + 20})
	want(t, s, token, auth.Deny, auth.TokenNotYetValid)
	at = now.Add(10 * time.Second)
	if v := want(t, s, token, auth.Accept, auth.None); v.Identity.Expires.Unix() != now.Unix()+20 {
		t.Errorf("got expiry %v, want that of the token", v.Identity.Expires)
	}
	at = now.Add(20 * time.Second)
	want(t, s, token, auth.Deny, auth.TokenExpired)
	at = now
	want(t, s, token, auth.Deny, auth.TokenNotYetValid)
	n.took(t, "in all", 1)
}

func TestExpiredTokenIsNotRemembered(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	for range 2 {
		want(t, s, hs.Sign(map[string]any{"exp": now.Unix()}), auth.Deny, auth.TokenExpired)
		n.took(t, "expired", 1)
	}
}

func TestLongTokenIsNotRemembered(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	long := func(length int) string {
		// 3 bytes of a payload are 4 of a token.
		return hs.Sign(map[string]any{"x": strings.Repeat("x", (length-len(hs.Sign(map[string]any{"x": ""})))/4*3)})
	}
	for _, length := range []int{maxRemembered - 8, maxRemembered + 8} {
		token := long(length)
		want(t, s, token, auth.Accept, auth.None)
		n.took(t, "first", 1)
		want(t, s, token, auth.Accept, auth.None)
		if len(token) <= maxRemembered != (length < maxRemembered) {
			t.Fatalf("got a token of %d bytes, want about %d", len(token), length)
		}
		n.took(t, fmt.Sprint(len(token), " bytes, second"), map[bool]int64{true: 1}[len(token) > maxRemembered])
	}
}

func TestNothingIsRememberedWhereThatIsOff(t *testing.T) {
	n := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret(), TokenCache: -1})
	for range 3 {
		want(t, s, hs.Sign(claims()), auth.Accept, auth.None)
		want(t, s, authtest.NewSigner("HS256", 1).Sign(claims()), auth.Deny, auth.BadSignature)
		n.took(t, "each time", 2)
	}
}

// What judgements work with is used again by others. A hash that was only reset would still hold
// the token's last bytes, where no method shows them: it has to have been written over.
func TestScratchHoldsNothingOfTheToken(t *testing.T) {
	state := func(h hash.Hash) []byte {
		b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	over := sha256.New()
	over.Write(make([]byte, sha256.BlockSize-1))
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	for _, length := range []int{0, 7, 30, 2000} {
		token := []byte(hs.Sign(map[string]any{"sub": strings.Repeat("u", length)}))
		w := &scratch{hash: sha256.New()}
		for _, way := range []string{"fresh", "seen"} {
			p, f := s.prove(context.Background(), token, now, w, nil)
			if f.is() || p.isNews != (way == "fresh") {
				t.Fatalf("%s: got %+v, news %v", way, f, p.isNews)
			}
			s.memory.accept(p.tag, p.generation, p.key, time.Time{}, now)
			w.free()
			if !bytes.Equal(state(w.hash), state(over)) || w.room != [len(w.room)]byte{} {
				t.Errorf("%s, %d bytes: the scratch was not written over", way, len(token))
			}
		}
	}
}

// Junk goes to a table of its own, whose size is bounded.
func TestFloodOfJunkLeavesGoodTokensAlone(t *testing.T) {
	n := count(t, "HS256")
	hs, forger := authtest.NewSigner("HS256", 0), authtest.NewSigner("HS256", 1)
	const limit, devices, flood = 1000, 500, 20_000
	s := newStage(t, Options{Secret: hs.Secret(), TokenCache: limit})
	token := func(i int) string { return hs.Sign(map[string]any{"sub": fmt.Sprint(i)}) }
	for i := range devices {
		want(t, s, token(i), auth.Accept, auth.None)
	}
	n.took(t, "devices that are new", devices)
	for i := range flood {
		want(t, s, forger.Sign(map[string]any{"n": i}), auth.Deny, auth.BadSignature)
		want(t, s, fmt.Sprint("a.", i, ".b"), auth.Deny, auth.TokenMalformed)
	}
	n.took(t, "junk", flood)
	for i := range devices {
		want(t, s, token(i), auth.Accept, auth.None)
	}
	n.took(t, "devices after the flood", 0)
	if got := s.memory.bad.len(); got == 0 || got > limit/goodPerBad+maxShards {
		t.Errorf("got %d junk tokens remembered, want 1 to about %d", got, limit/goodPerBad)
	}
	if got := s.memory.good.len(); got != devices {
		t.Errorf("got %d good tokens remembered, want %d", got, devices)
	}
}

// A refusal that came from memory is the same in all that is logged of it.
func TestRefusalFromMemoryIsTheSame(t *testing.T) {
	ed := func(n int) *authtest.Signer { return authtest.NewSigner("EdDSA", n) }
	n := count(t, "EdDSA")
	s := newStage(t, remote())
	many := make([]any, 17)
	for i := range many {
		many[i] = ed(i).JWK("")
	}
	s.publish(t, append(many, ed(0).JWK("a"))...)
	for _, test := range []struct {
		token string
		cost  int64
	}{
		{ed(17).Sign(claims()), 16},
		{ed(16).Sign(claims()), 16},
		{ed(1).SignWith(map[string]any{"kid": "a"}, claims()), 1},
	} {
		first := want(t, s, test.token, auth.Deny, auth.BadSignature)
		n.took(t, first.Detail, test.cost)
		second := want(t, s, test.token, auth.Deny, auth.BadSignature)
		n.took(t, first.Detail+" again", 0)
		if first.Detail != second.Detail {
			t.Errorf("got detail %q, then %q", first.Detail, second.Detail)
		}
	}
}

// Refusals that ask for an early fetch ask each time.
func TestMemoryDoesNotKeepTokensFromAsking(t *testing.T) {
	rs := rsaKey(0)
	o := remote()
	o.PublicKeyPEM = rsaKey(1).PublicPEM()
	s := newStage(t, o)
	asks := func(token string, r auth.Reason) {
		t.Helper()
		for i := range 3 {
			want(t, s, token, auth.Deny, r)
			select {
			case <-s.jwks.asked:
			default:
				t.Errorf("%v, time %d: asked for no fetch", r, i)
			}
		}
	}
	token := rs.SignWith(map[string]any{"kid": "a"}, claims())
	asks(token, auth.BadSignature) // of the public key, and the set may have another
	asks(authtest.NewSigner("ES256", 0).Sign(claims()), auth.KeysUnavailable)
	s.publish(t, rs.JWK("a"))
	want(t, s, token, auth.Accept, auth.None)
	s.publish(t, rs.JWK("b"))
	asks(token, auth.UnknownKid)
}
