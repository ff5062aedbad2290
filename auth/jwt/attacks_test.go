package jwt

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func TestNoneAlgorithm(t *testing.T) {
	s := newStage(t, everyKey(t))
	payload := authtest.Encode([]byte(`{"sub":"u1"}`))
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		header := authtest.Encode(fmt.Appendf(nil, `{"alg":%q}`, alg))
		for _, signature := range []string{"", "AA", authtest.Encode(bytes.Repeat([]byte{1}, 32))} {
			want(t, s, header+"."+payload+"."+signature, auth.Deny, auth.AlgNotAllowed)
		}
	}
	want(t, s, authtest.Encode([]byte(`{"typ":"JWT"}`))+"."+payload+".", auth.Deny, auth.AlgNotAllowed)
}

func TestEmptySignature(t *testing.T) {
	s := newStage(t, everyKey(t))
	for _, alg := range authtest.Algorithms() {
		token := authtest.NewSigner(alg, 0).Sign(claims())
		want(t, s, token[:strings.LastIndexByte(token, '.')+1], auth.Deny, auth.BadSignature)
	}
}

// The attacker knows the public key, and signs by HMAC with its bytes in every form.
func TestPEMAsHMACSecret(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	der, err := x509.MarshalPKIXPublicKey(rs.Public())
	if err != nil {
		t.Fatal(err)
	}
	text := rs.PublicPEM()
	jwk, _ := json.Marshal(rs.JWK("a"))
	s := newStage(t, Options{PublicKeyPEM: text, JWKS: staticJWKS(t, rs.JWK("a"))})
	for _, secret := range [][]byte{text, bytes.TrimSpace(text), der, jwk, []byte(rs.JWK("a")["n"].(string))} {
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			forger := authtest.NewKeySigner(alg, secret)
			want(t, s, forger.Sign(claims()), auth.Deny, auth.BadSignature)
			want(t, s, forger.SignWith(map[string]any{"kid": "a"}, claims()), auth.Deny, auth.BadSignature)
		}
	}
	// The operator who makes the mistake himself is stopped.
	for _, secret := range [][]byte{text, der, append([]byte("note\n"), text...)} {
		if _, err := New(Options{Secret: secret}); err == nil {
			t.Errorf("New with a public key of %d bytes as the secret: got no error, want one", len(secret))
		}
	}
}

func TestEmbeddedJWK(t *testing.T) {
	s := newStage(t, everyKey(t))
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		forger := authtest.NewSigner(alg, 2)
		for name, v := range map[string]any{
			"jwk": forger.JWK("a"),
			"jku": "https://attacker.invalid/jwks.json",
			"x5u": "https://attacker.invalid/cert.pem",
			"x5c": []string{base64.StdEncoding.EncodeToString([]byte("certificate"))},
		} {
			want(t, s, forger.SignWith(map[string]any{name: v}, claims()), auth.Deny, auth.BadSignature)
			// It does no harm in a good token: it is not looked at.
			want(t, s, authtest.NewSigner(alg, 0).SignWith(map[string]any{name: v}, claims()), auth.Accept, auth.None)
		}
	}
}

func TestCrit(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	for _, crit := range []string{`["b64"]`, `["http://example.invalid/UNDEFINED"]`, `[]`, `null`, `"exp"`, `{}`} {
		token := hs.SignRaw([]byte(`{"alg":"HS256","crit":`+crit+`}`), []byte(`{}`))
		want(t, s, token, auth.Deny, auth.TokenMalformed)
	}
}

func TestDuplicateKeys(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	header, payload := `{"alg":"HS256"}`, `{"sub":"u1"}`
	for _, h := range []string{
		`{"alg":"none","alg":"HS256"}`,
		`{"alg":"HS256","alg":"HS256"}`,
		`{"alg":"HS256","\u0061lg":"none"}`,
		`{"alg":"HS256","x":{"a":1,"a":2}}`,
	} {
		want(t, s, hs.SignRaw([]byte(h), []byte(payload)), auth.Deny, auth.TokenMalformed)
	}
	var long strings.Builder
	for i := range 40 {
		fmt.Fprintf(&long, `"n%d":0,`, i)
	}
	for _, p := range []string{
		`{"sub":"u1","sub":"u2"}`,
		`{"sub":"u1","s\u0075b":"u2"}`,
		`{"a/b":1,"a\/b":2}`,
		`{"a":[{"b":{"c":1,"c":1}}]}`,
		`{"":1,"":2}`,
		`{` + long.String() + `"n0":1}`,
		`{` + long.String() + `"n39":1}`,
		`{` + long.String() + `"last":1,"last":1}`,
	} {
		want(t, s, hs.SignRaw([]byte(header), []byte(p)), auth.Deny, auth.TokenMalformed)
	}
	// Names that differ in case are different names, and only the exact one counts.
	want(t, s, hs.SignRaw([]byte(`{"alg":"HS256","ALG":"none"}`), []byte(`{"exp":9999999999,"EXP":1,"Exp":1}`)), auth.Accept, auth.None)
	want(t, s, hs.SignRaw([]byte(`{"Alg":"HS256"}`), []byte(payload)), auth.Deny, auth.AlgNotAllowed)
	want(t, s, hs.SignRaw([]byte(header), []byte(`{`+long.String()+`"x":{"n0":1}}`)), auth.Accept, auth.None)
}

func TestLineBreaksInBase64(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	token := hs.Sign(claims())
	for _, br := range []string{"\n", "\r", "\r\n"} {
		for _, at := range []int{0, 1, strings.IndexByte(token, '.'), len(token) / 2, len(token) - 1, len(token)} {
			want(t, s, token[:at]+br+token[at:], auth.Deny, auth.TokenMalformed)
		}
	}
	// Signed with the line break in place, so that only the alphabet speaks against it.
	part := strings.Split(token, ".")
	want(t, s, hs.SignText(part[0]+".\n"+part[1]), auth.Deny, auth.TokenMalformed)
	want(t, s, hs.SignText(part[0][:4]+"\r\n"+part[0][4:]+"."+part[1]), auth.Deny, auth.TokenMalformed)
}

func TestECDSASignatureLength(t *testing.T) {
	for alg, size := range map[string]int{"ES256": 64, "ES384": 96, "ES512": 132} {
		es := authtest.NewSigner(alg, 0)
		s := newStage(t, Options{PublicKeyPEM: es.PublicPEM()})
		token := es.Sign(claims())
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil || len(signature) != size {
			t.Fatalf("%s: signature of %d bytes (%v), want %d", alg, len(signature), err, size)
		}
		half := size / 2
		longer := append(append(append([]byte{0}, signature[:half]...), 0), signature[half:]...)
		for _, bad := range [][]byte{nil, signature[:size-1], append([]byte{0}, signature...), longer, make([]byte, size)} {
			want(t, s, token[:dot+1]+authtest.Encode(bad), auth.Deny, auth.BadSignature)
		}
		// CVE-2022-21449: r and s of the group's order are 0 in disguise.
		order := curveOf(alg).Params().N.FillBytes(make([]byte, half))
		want(t, s, token[:dot+1]+authtest.Encode(append(order, order...)), auth.Deny, auth.BadSignature)
		want(t, s, token, auth.Accept, auth.None)
	}
}

func curveOf(alg string) elliptic.Curve {
	return map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]
}

// An RSA signature with the modulus added is the same number in another spelling.
func TestRSASignatureMalleability(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	s := newStage(t, Options{PublicKeyPEM: rs.PublicPEM()})
	token := rs.Sign(claims())
	dot := strings.LastIndexByte(token, '.')
	signature, _ := base64.RawURLEncoding.DecodeString(token[dot+1:])
	modulus, _ := base64.RawURLEncoding.DecodeString(rs.JWK("")["n"].(string))
	sum := new(big.Int).Add(new(big.Int).SetBytes(signature), new(big.Int).SetBytes(modulus))
	want(t, s, token[:dot+1]+authtest.Encode(sum.Bytes()), auth.Deny, auth.BadSignature)
	want(t, s, token[:dot+1]+authtest.Encode(append([]byte{0}, signature...)), auth.Deny, auth.BadSignature)
}

// The payload of one token under the signature of another.
func TestSplicedParts(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	a := strings.Split(hs.Sign(map[string]any{"sub": "a"}), ".")
	b := strings.Split(hs.Sign(map[string]any{"sub": "b"}), ".")
	want(t, s, a[0]+"."+b[1]+"."+a[2], auth.Deny, auth.BadSignature)
	want(t, s, hs.SignWith(map[string]any{"x": 1}, nil)[:10]+a[0][10:]+"."+a[1]+"."+b[2], auth.Deny, auth.BadSignature)
}
