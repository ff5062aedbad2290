package jwt

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	gojwt "github.com/golang-jwt/jwt/v5"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func setJSON(keys ...any) []byte {
	if keys == nil {
		keys = []any{}
	}
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return b
}

func TestWhatIsNoKeySet(t *testing.T) {
	bare, _ := json.Marshal(authtest.NewSigner("ES256", 0).JWK("a"))
	many := make([]any, maxSetKeys+1)
	for i := range many {
		many[i] = 1
	}
	for _, body := range []string{
		"", "junk", "<html></html>", "null", "[]", "{}", "5", `{"keys":null}`, `{"keys":{}}`, `{"keys":"x"}`,
		`{"KEYS":[]}`, `{"keys":[]} x`, `{"keys":[]`, string(bare), `[` + string(bare) + `]`, string(setJSON(many...)),
	} {
		if _, err := parseKeySet([]byte(body)); err == nil {
			t.Errorf("%.60q: got no error, want one", body)
		}
	}
	for _, body := range []string{`{"keys":[]}`, ` {"x":1,"keys":[ ] } `, string(setJSON(many[1:]...))} {
		if _, err := parseKeySet([]byte(body)); err != nil {
			t.Errorf("%.60q: got error %v, want none", body, err)
		}
	}
}

func TestKeysAreJudgedOneByOne(t *testing.T) {
	rs, es, ed := authtest.NewSigner("RS256", 0).JWK("a"), authtest.NewSigner("ES256", 0).JWK("a"), authtest.NewSigner("EdDSA", 0).JWK("a")
	p384 := authtest.NewSigner("ES384", 0).JWK("a")
	small := rs.With("n", authtest.Encode(rsaOfBits(1024).N.Bytes()))
	unusable := map[string]any{
		"not an object":              "key",
		"null":                       nil,
		"no kty":                     rs.With("kty", nil),
		"unknown kty":                rs.With("kty", "AKP"),
		"kty in lower case":          rs.With("kty", "rsa"),
		"kty a number":               rs.With("kty", 1),
		"oct":                        authtest.JWK{"kty": "oct", "k": "c2VjcmV0"},
		"kid a number":               rs.With("kid", 1),
		"use enc":                    rs.With("use", "enc"),
		"use unknown":                rs.With("use", "tls"),
		"use a number":               rs.With("use", 1),
		"key_ops encrypt":            rs.With("key_ops", []string{"encrypt"}),
		"key_ops empty":              rs.With("key_ops", []string{}),
		"key_ops a string":           rs.With("key_ops", "verify"),
		"key_ops of numbers":         rs.With("key_ops", []any{"verify", 1}),
		"alg of encryption":          rs.With("alg", "RSA-OAEP"),
		"alg unknown":                rs.With("alg", "RS1"),
		"alg of another kind":        rs.With("alg", "ES256"),
		"alg of another curve":       es.With("alg", "ES384"),
		"alg of secrets":             rs.With("alg", "HS256"),
		"alg none":                   rs.With("alg", "none"),
		"alg a number":               rs.With("alg", 1),
		"no n":                       rs.With("n", nil),
		"no e":                       rs.With("e", nil),
		"n broken base64":            rs.With("n", "!!!!"),
		"n a number":                 rs.With("n", 5),
		"RSA 1024":                   small,
		"RSA 16384":                  rs.With("n", authtest.Encode(rsaOfBits(16384).N.Bytes())),
		"exponent 1":                 rs.With("e", "AQ"),
		"exponent 2":                 rs.With("e", "Ag"),
		"exponent of 65 bits":        rs.With("e", "AQAAAAAAAQAB"),
		"private RSA":                rs.With("d", "AQAB"),
		"private EC":                 es.With("d", "AQAB"),
		"unknown curve":              es.With("crv", "secp256k1"),
		"no crv":                     es.With("crv", nil),
		"no y":                       es.With("y", nil),
		"point off the curve":        es.With("x", authtest.Encode(make([]byte, 32))),
		"point of another curve":     p384.With("crv", "P-256"),
		"coordinate too long":        es.With("x", authtest.Encode(make([]byte, 5000))+es["x"].(string)+"AA"),
		"broken base64 in x":         es.With("x", "é"),
		"X25519":                     ed.With("crv", "X25519"),
		"Ed448":                      ed.With("crv", "Ed448"),
		"Ed25519 of 31 bytes":        ed.With("x", authtest.Encode(make([]byte, 31))),
		"EC members in kty RSA":      es.With("kty", "RSA"),
		"RSA members in kty EC":      rs.With("kty", "EC"),
		"duplicate member":           json.RawMessage(`{"kty":"RSA","kid":"a","kid":"b"}`),
		"only a case-changed kty":    rs.With("kty", nil).With("KTY", "RSA"),
		"nested beyond what is sane": rs.With("x", json.RawMessage(strings.Repeat("[", 50)+strings.Repeat("]", 50))),
	}
	good := authtest.NewSigner("ES512", 0).JWK("good")
	for name, bad := range unusable {
		t.Run(name, func(t *testing.T) {
			set, err := parseKeySet(setJSON(bad, good))
			if err != nil {
				t.Fatalf("got error %v: one bad key voids the set", err)
			}
			if len(set.passed) != 1 || set.passed[0].index != 0 || set.size != 1 || len(set.byKID["good"]) != 1 || len(set.byKID) != 1 {
				t.Errorf("got passed %v, %d keys; want the first passed over and the second usable", set.passed, set.size)
			}
		})
	}
	usable := map[string]any{
		"as it is":               rs,
		"no use":                 rs.With("use", nil),
		"key_ops":                rs.With("key_ops", []string{"verify", "encrypt", "future"}),
		"alg":                    rs.With("alg", "PS384"),
		"padded base64":          es.With("y", es["y"].(string)+"="),
		"certificates unread":    rs.With("x5c", []string{"junk"}).With("x5t", "junk").With("x5u", "http://192.0.2.1/"),
		"unknown members":        rs.With("exp", 5).With("X", map[string]any{}),
		"Ed25519":                ed.With("alg", "EdDSA"),
		"no kid":                 ed.With("kid", nil),
		"other case, other name": ed.With("USE", "enc").With("Kty", 5),
	}
	for name, k := range usable {
		if set, err := parseKeySet(setJSON(k)); err != nil || set.size != 1 || len(set.passed) != 0 {
			t.Errorf("%s: got %+v, %v; want one usable key", name, set, err)
		}
	}
}

func TestKidRules(t *testing.T) {
	rs := func(n int) *authtest.Signer { return authtest.NewSigner("RS256", n) }
	es := authtest.NewSigner("ES256", 0)
	kid := func(k string) map[string]any { return map[string]any{"kid": k} }
	o := Options{JWKS: staticJWKS(t,
		rs(0).JWK("twice"), rs(1).JWK("twice"), // one kid, two keys
		es.JWK("twice"),
		rs(2).JWK(""), // no kid at all
		es.JWK("").With("kid", ""),
		authtest.NewSigner("EdDSA", 0).JWK("bound").With("alg", "EdDSA"),
		authtest.NewSigner("RS256", 3).JWK("ps").With("alg", "PS256"),
	)}
	s := newStage(t, o)
	tests := []struct {
		name  string
		token string
		d     auth.Decision
		r     auth.Reason
	}{
		{"first of a kid", rs(0).SignWith(kid("twice"), claims()), auth.Accept, auth.None},
		{"second of a kid", rs(1).SignWith(kid("twice"), claims()), auth.Accept, auth.None},
		{"another kind of a kid", es.SignWith(kid("twice"), claims()), auth.Accept, auth.None},
		{"key without kid, token with", rs(2).SignWith(kid("twice"), claims()), auth.Deny, auth.BadSignature},
		{"key without kid, token without", rs(2).Sign(claims()), auth.Accept, auth.None},
		{"keys with kid, token without", rs(1).Sign(claims()), auth.Accept, auth.None},
		{"empty kid is a kid", es.SignWith(kid(""), claims()), auth.Accept, auth.None},
		{"empty kid is not no kid", rs(2).SignWith(kid(""), claims()), auth.Deny, auth.BadSignature},
		{"kid differs in case", rs(0).SignWith(kid("Twice"), claims()), auth.Deny, auth.UnknownKid},
		{"kid known, algorithm of another kind", authtest.NewSigner("ES384", 0).SignWith(kid("twice"), claims()), auth.Deny, auth.BadSignature},
		{"own alg equal", authtest.NewSigner("PS256", 3).SignWith(kid("ps"), claims()), auth.Accept, auth.None},
		{"own alg equal, no kid", authtest.NewSigner("PS256", 3).Sign(claims()), auth.Accept, auth.None},
		{"own alg other", rs(3).SignWith(kid("ps"), claims()), auth.Deny, auth.BadSignature},
		{"own alg other, no kid", rs(3).Sign(claims()), auth.Deny, auth.BadSignature},
		{"unknown kid", rs(0).SignWith(kid("new"), claims()), auth.Deny, auth.UnknownKid},
		{"nothing fits", authtest.NewSigner("ES512", 0).Sign(claims()), auth.Deny, auth.BadSignature},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { want(t, s, test.token, test.d, test.r) })
	}
}

func TestEmptySetIsLoaded(t *testing.T) {
	s := newStage(t, Options{JWKS: staticJWKS(t)})
	rs := authtest.NewSigner("RS256", 0)
	want(t, s, rs.Sign(claims()), auth.Deny, auth.BadSignature)
	want(t, s, rs.SignWith(map[string]any{"kid": "a"}, claims()), auth.Deny, auth.UnknownKid)
}

func TestAtMost16Candidates(t *testing.T) {
	keys := make([]authtest.JWK, 0, 30)
	for i := range 17 {
		keys = append(keys, authtest.NewSigner("EdDSA", i).JWK("same"), authtest.NewSigner("ES256", i%3).JWK("same"))
	}
	s := newStage(t, Options{JWKS: staticJWKS(t, keys...)})
	for _, header := range []map[string]any{nil, {"kid": "same"}} {
		want(t, s, authtest.NewSigner("EdDSA", 15).SignWith(header, claims()), auth.Accept, auth.None)
		want(t, s, authtest.NewSigner("EdDSA", 16).SignWith(header, claims()), auth.Deny, auth.BadSignature)
	}
}

// Where kids are unique, lookups agree with keyfunc's.
func TestLookupsAgreeWithKeyfunc(t *testing.T) {
	var keys []any
	for i, alg := range []string{"RS256", "ES256", "ES384", "ES512", "EdDSA"} {
		j := authtest.NewSigner(alg, 0).JWK(fmt.Sprint("kid", i))
		if i%2 == 0 {
			j = j.With("alg", alg)
		}
		keys = append(keys, j)
	}
	body := setJSON(keys...)
	oracle, err := keyfunc.NewJWKSetJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	set, err := parseKeySet(body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		for _, alg := range authtest.Algorithms() {
			kid := fmt.Sprint("kid", i)
			tok := token{alg: algorithms[alg], kid: []byte(kid), hasKID: true}
			candidates, known := set.candidates(&tok)
			theirs, err := oracle.KeyfuncCtx(context.Background())(&gojwt.Token{Header: map[string]any{"kid": kid, "alg": alg}})
			if !known {
				if err == nil {
					t.Errorf("kid %q: unknown here, keyfunc has it", kid)
				}
				continue
			}
			if len(candidates) != 1 {
				t.Fatalf("kid %q: got %d candidates, want 1", kid, len(candidates))
			}
			ours := candidates[0]
			// keyfunc leaves the kind of key to the signing method.
			if ours.fits(tok.alg) && (err != nil || !ours.material.(interface{ Equal(crypto.PublicKey) bool }).Equal(theirs)) {
				t.Errorf("kid %q, alg %s: fits here, keyfunc says %v", kid, alg, err)
			}
		}
	}
}

func FuzzParseKeySet(f *testing.F) {
	f.Add(setJSON())
	f.Add(setJSON(authtest.NewSigner("RS256", 0).JWK("a"), authtest.NewSigner("ES256", 0).JWK("b"), authtest.NewSigner("EdDSA", 0).JWK("")))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","use":"sig","alg":"RS256","key_ops":["verify"]}]}`))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"","kid":"\u0000"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		set, err := parseKeySet(body)
		if err != nil {
			return
		}
		count := 0
		for kind, keys := range set.byKind {
			for _, k := range keys {
				count++
				if int(k.kind) != kind || k.kind == kindSecret {
					t.Fatalf("%q: key of kind %d among those of %d", body, k.kind, kind)
				}
				if k.alg != nil && k.alg.kind != k.kind {
					t.Fatalf("%q: key of kind %d for %s", body, k.kind, k.alg.name)
				}
				for _, a := range algorithms {
					// (Ed25519 has keys of small order, for which it may.)
					if k.fits(a) && k.kind != kindEd25519 && k.verifies(a, []byte("x.y"), make([]byte, a.signatureLen)) {
						t.Fatalf("%q: the zero signature verifies by %s", body, a.name)
					}
				}
			}
		}
		if count != set.size || count+len(set.passed) > maxSetKeys {
			t.Fatalf("%q: size %d, %d keys, %d passed over", body, set.size, count, len(set.passed))
		}
		for _, p := range set.passed {
			if len(p.problem) > 4*auth.MaxDisplay || p.problem == "" {
				t.Fatalf("%q: problem %q", body, p.problem)
			}
		}
	})
}
