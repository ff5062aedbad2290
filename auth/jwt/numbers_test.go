package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// pemKey and webKeyOf read a key anew.
func pemKey(t *testing.T, text []byte) *key {
	t.Helper()
	keys, err := parsePublicKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

func webKeyOf(t *testing.T, j authtest.JWK) *key {
	t.Helper()
	set, err := parseKeySet(setJSON(j))
	if err != nil || set.size != 1 {
		t.Fatalf("got set %+v, %v; want one key", set, err)
	}
	return set.keys[0].key
}

func secretKey(t *testing.T, secret []byte) *key {
	t.Helper()
	k, err := newSecretKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSameKeySameNumber(t *testing.T) {
	n := newNumbers()
	taken := map[uint32]string{0: "no number"}
	for _, alg := range []string{"RS256", "ES256", "ES384", "ES512", "EdDSA"} {
		for i := range 2 {
			signer := authtest.NewSigner(alg, i)
			number := n.key(pemKey(t, signer.PublicPEM()))
			for name, same := range map[string]*key{
				"PEM":         pemKey(t, signer.PublicPEM()),
				"web key":     webKeyOf(t, signer.JWK("a")),
				"another kid": webKeyOf(t, signer.JWK("b").With("key_ops", []string{"verify"})),
			} {
				if got := n.key(same); got != number {
					t.Errorf("%s %d, %s: got number %d, want %d", alg, i, name, got, number)
				}
			}
			for name, k := range map[string]*key{"": pemKey(t, signer.PublicPEM()), "bound": webKeyOf(t, signer.JWK("a").With("alg", alg))} {
				number, name := n.key(k), fmt.Sprint(alg, i, name)
				if other, ok := taken[number]; ok {
					t.Errorf("%s: got number %d, which is that of %s", name, number, other)
				}
				taken[number] = name
			}
		}
	}
	for _, secret := range []string{"a", "b", "ab", "a\x00"} {
		number := n.key(secretKey(t, []byte(secret)))
		if other, ok := taken[number]; ok {
			t.Errorf("secret %q: got number %d, which is that of %s", secret, number, other)
		}
		taken[number] = secret
		if again := n.key(secretKey(t, []byte(secret))); again != number {
			t.Errorf("secret %q: got number %d, then %d", secret, number, again)
		}
	}
	// Bytes that are a secret are another key than the same bytes as a public one.
	der, _ := x509.MarshalPKIXPublicKey(authtest.NewSigner("EdDSA", 0).Public())
	if other, ok := taken[n.key(&key{kind: kindSecret, material: der})]; ok {
		t.Errorf("the bytes of a public key as a secret: got the number of %s", other)
	}
}

func TestPKCS1AndPKIXAreTheSameKey(t *testing.T) {
	n := newNumbers()
	der := x509.MarshalPKCS1PublicKey(rsaKey(0).Public().(*rsa.PublicKey))
	other := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})
	if a, b := n.key(pemKey(t, rsaKey(0).PublicPEM())), n.key(pemKey(t, other)); a != b {
		t.Errorf("got numbers %d and %d, want one", a, b)
	}
}

func TestGenerations(t *testing.T) {
	n := newNumbers()
	set := func(keys ...any) *keySet {
		s, err := parseKeySet(setJSON(keys...))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := authtest.NewSigner("EdDSA", 0), authtest.NewSigner("EdDSA", 1)
	secret := func(s string) []*key { return []*key{secretKey(t, []byte(s))} }
	sets := map[string]func() (own []*key, set *keySet){
		"nothing":                func() ([]*key, *keySet) { return nil, nil },
		"an empty set":           func() ([]*key, *keySet) { return nil, set() },
		"a secret":               func() ([]*key, *keySet) { return secret("s"), nil },
		"another secret":         func() ([]*key, *keySet) { return secret("t"), nil },
		"a secret and an empty":  func() ([]*key, *keySet) { return secret("s"), set() },
		"a":                      func() ([]*key, *keySet) { return nil, set(a.JWK("a")) },
		"a, another kid":         func() ([]*key, *keySet) { return nil, set(a.JWK("b")) },
		"a, no kid":              func() ([]*key, *keySet) { return nil, set(a.JWK("")) },
		"a, empty kid":           func() ([]*key, *keySet) { return nil, set(a.JWK("").With("kid", "")) },
		"a, bound":               func() ([]*key, *keySet) { return nil, set(a.JWK("a").With("alg", "EdDSA")) },
		"a, then b":              func() ([]*key, *keySet) { return nil, set(a.JWK("a"), b.JWK("b")) },
		"b, then a":              func() ([]*key, *keySet) { return nil, set(b.JWK("b"), a.JWK("a")) },
		"a, then b, kids change": func() ([]*key, *keySet) { return nil, set(a.JWK("b"), b.JWK("a")) },
		"a twice":                func() ([]*key, *keySet) { return nil, set(a.JWK("a"), a.JWK("a")) },
		"a in the file":          func() ([]*key, *keySet) { return []*key{pemKey(t, a.PublicPEM())}, nil },
		"a in both":              func() ([]*key, *keySet) { return []*key{pemKey(t, a.PublicPEM())}, set(a.JWK("a")) },
	}
	taken := map[uint32]string{0: "no number"}
	for name, make := range sets {
		number := func() uint32 {
			own, set := make()
			r := newRing(n, nil, own)
			if set == nil {
				return n.generation(own, nil)
			}
			r.admit(set)
			return set.generation
		}
		first := number()
		if other, ok := taken[first]; ok {
			t.Errorf("%s: got number %d, which is that of %s", name, first, other)
		}
		taken[first] = name
		if again := number(); again != first {
			t.Errorf("%s: got number %d, then %d", name, first, again)
		}
	}
}

func TestNumbersAreBoundedAndNeverGivenTwice(t *testing.T) {
	n := newNumbers()
	taken := map[uint32]bool{}
	for i := range 3 * maxNumbers {
		number := n.key(secretKey(t, fmt.Append(nil, i)))
		if taken[number] || number == 0 {
			t.Fatalf("key %d: got number %d, which was given before", i, number)
		}
		taken[number] = true
		if len(n.given) > maxNumbers {
			t.Fatalf("key %d: %d numbers are kept, want at most %d", i, len(n.given), maxNumbers)
		}
	}
}

func TestWhatHasNoNumberIsNotRemembered(t *testing.T) {
	c := count(t, "HS256")
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: []byte("another secret, to begin with")})
	s.memory.numbers.last = math.MaxUint32
	s = after(t, s, Options{Secret: hs.Secret()})
	for range 2 {
		want(t, s, hs.Sign(claims()), auth.Accept, auth.None)
		c.took(t, "each time", 1)
		want(t, s, authtest.NewSigner("HS256", 1).Sign(claims()), auth.Deny, auth.BadSignature)
		c.took(t, "each time", 1)
	}
	// A key that has no encoding has no number.
	if got := newNumbers().key(&key{kind: kindP256, material: &ecdsa.PublicKey{}}); got != 0 {
		t.Errorf("got number %d for an impossible key, want none", got)
	}
}

// A secret is not to be found in what is kept of it.
func TestNumbersKeepNoSecret(t *testing.T) {
	n := newNumbers()
	secret := bytes.Repeat([]byte("s3cret"), 6)[:32]
	n.key(secretKey(t, secret))
	for sum := range n.given {
		if bytes.Contains(secret, sum[:4]) {
			t.Errorf("a part of the secret is kept")
		}
	}
	a, b := newNumbers(), newNumbers()
	a.key(secretKey(t, secret))
	b.key(secretKey(t, secret))
	for sum := range a.given {
		if _, same := b.given[sum]; same {
			t.Error("two processes keep the same of a secret: it could be looked up")
		}
	}
}
