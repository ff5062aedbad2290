package proxy_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
)

// attack is a forged token, which must be refused for reason.
func attack(name, token string, reason auth.Reason) tokenRow {
	return tokenRow{name: name, token: token, reason: reason}
}

// signatureOf returns a token's text up to the last dot, that included, and its signature.
func signatureOf(t testing.TB, token string) (text string, signature []byte) {
	t.Helper()
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	return token[:dot+1], signature
}

func TestAttackNoneAlgorithm(t *testing.T) {
	payload := authtest.Encode([]byte(`{"sub":"u1"}`))
	var rows []tokenRow
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		head := authtest.Encode(fmt.Appendf(nil, `{"alg":%q}`, alg)) + "." + payload + "."
		rows = append(rows,
			attack(alg+", no signature", head, auth.AlgNotAllowed),
			attack(alg+", some signature", head+authtest.Encode(make([]byte, 32)), auth.AlgNotAllowed))
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
}

// The attacker knows the public key, and signs by HMAC with its bytes in every form.
func TestAttackPEMAsHMACSecret(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	text := rs.PublicPEM()
	der, err := x509.MarshalPKIXPublicKey(rs.Public())
	if err != nil {
		t.Fatal(err)
	}
	member, err := json.Marshal(rs.JWK("a"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []tokenRow
	for name, secret := range map[string][]byte{
		"PEM": text, "PEM without its line end": bytes.TrimSpace(text), "DER": der,
		"JWK": member, "modulus": []byte(rs.JWK("a")["n"].(string)),
	} {
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			forger := authtest.NewKeySigner(alg, secret)
			rows = append(rows,
				attack(name+" as "+alg, forger.Sign(nil), auth.BadSignature),
				attack(name+" as "+alg+" with the kid", forger.SignWith(map[string]any{"kid": "a"}, nil), auth.BadSignature))
		}
	}
	stage := withKeySet(t, jwt.Options{PublicKeyPEM: text}, authtest.NewProvider(rs.JWK("a")))
	runRows(t, judgedBy(t, stage), inPassword(rows))
}

// Keys that a token brings along, or points to, are never used: nothing is fetched for them.
func TestAttackEmbeddedKey(t *testing.T) {
	idp := authtest.NewProvider()
	url := idp.Start(t)
	var rows []tokenRow
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		forger, good := authtest.NewSigner(alg, 2), authtest.NewSigner(alg, 0)
		for name, v := range map[string]any{
			"jwk": forger.JWK(""), "jku": url, "x5u": url, "x5c": []string{base64.StdEncoding.EncodeToString([]byte("certificate"))},
		} {
			rows = append(rows,
				attack(alg+" with "+name, forger.SignWith(map[string]any{name: v}, nil), auth.BadSignature),
				tokenRow{alg + " with a harmless " + name, good.SignWith(map[string]any{name: v}, nil), auth.None, ""})
		}
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
	if got := idp.Requests(); got != 0 {
		t.Errorf("requests to the address in a token: got %d, want 0", got)
	}
}

func TestAttackCrit(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	var rows []tokenRow
	for _, crit := range []string{`["b64"]`, `["http://example.invalid/UNDEFINED"]`, `[]`, `null`, `"exp"`, `{}`} {
		rows = append(rows, attack(crit, hs.SignRaw([]byte(`{"alg":"HS256","b64":true,"crit":`+crit+`}`), []byte(`{}`)), auth.TokenMalformed))
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
}

// Two readers of a name that stands twice may take different values for it.
func TestAttackDuplicateKeys(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	var rows []tokenRow
	for _, h := range []string{
		`{"alg":"none","alg":"HS256"}`, `{"alg":"HS256","alg":"HS256"}`, `{"alg":"HS256","\u0061lg":"none"}`, `{"alg":"HS256","x":{"a":1,"a":2}}`,
	} {
		rows = append(rows, attack("header "+h, hs.SignRaw([]byte(h), []byte(`{}`)), auth.TokenMalformed))
	}
	for _, p := range []string{
		`{"sub":"u1","sub":"u2"}`, `{"sub":"u1","s\u0075b":"u2"}`, `{"exp":9999999999,"exp":1}`, `{"a":[{"b":{"c":1,"c":1}}]}`,
	} {
		rows = append(rows, attack("payload "+p, hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(p)), auth.TokenMalformed))
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
}

func TestAttackLineBreaksInBase64(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := hs.Sign(map[string]any{"sub": "u1"})
	part := strings.Split(token, ".")
	var rows []tokenRow
	for name, br := range map[string]string{"LF": "\n", "CR": "\r", "CR LF": "\r\n"} {
		for where, at := range map[string]int{
			"before": 0, "in the header": 4, "before the first dot": len(part[0]), "in the payload": len(part[0]) + 5,
			"in the signature": len(token) - 4, "after": len(token),
		} {
			rows = append(rows, attack(name+" "+where, token[:at]+br+token[at:], auth.TokenMalformed))
		}
		// Signed with the line break in place, so that only the alphabet speaks against it.
		rows = append(rows, attack(name+" that was signed", hs.SignText(part[0]+"."+br+part[1]), auth.TokenMalformed))
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
}

func TestAttackSecondSpellingOfBase64(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	token := hs.Sign(map[string]any{"sub": "u1"})
	last := len(token) - 1 // 32 bytes leave two bits of their last letter unused
	flipped := token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
	runRows(t, judgedBy(t, everyKey(t)), inPassword([]tokenRow{
		attack("unused bit set", flipped, auth.TokenMalformed),
		attack("padded", token+"=", auth.TokenMalformed),
		attack("standard alphabet", hs.SignText(base64.RawStdEncoding.EncodeToString([]byte(`{"alg":"HS256","x":"???>>>"}`))+".e30"), auth.TokenMalformed),
	}))
}

func TestAttackECDSASignatureLength(t *testing.T) {
	curves := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}
	var rows []tokenRow
	for alg, size := range map[string]int{"ES256": 64, "ES384": 96, "ES512": 132} {
		good := authtest.NewSigner(alg, 0).Sign(nil)
		text, signature := signatureOf(t, good)
		if len(signature) != size {
			t.Fatalf("%s: a signature of %d bytes, want %d", alg, len(signature), size)
		}
		half := size / 2
		zero := []byte{0}
		// CVE-2022-21449: r and s that are 0, or the group's order, which is 0 in disguise.
		order := curves[alg].Params().N.FillBytes(make([]byte, half))
		for name, forged := range map[string][]byte{
			"empty": nil, "one byte short": signature[:size-1], "a zero before": bytes.Join([][]byte{zero, signature}, nil),
			"a zero before each half": bytes.Join([][]byte{zero, signature[:half], zero, signature[half:]}, nil),
			"a zero after":            bytes.Join([][]byte{signature, zero}, nil),
			"all zero":                make([]byte, size), "order twice": bytes.Join([][]byte{order, order}, nil),
		} {
			rows = append(rows, attack(alg+" "+name, text+authtest.Encode(forged), auth.BadSignature))
		}
		rows = append(rows, tokenRow{alg + " as it was", good, auth.None, ""})
	}
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
}

// An RSA key's owner may let it be used by one algorithm only; and a PKCS #1 signature is
// none by PSS, nor the other way round, nor does one hash do for another.
func TestAttackRSAAlgorithmSwapped(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	var rows []tokenRow
	for _, as := range []string{"PS256", "RS384", "RS512", "ES256", "EdDSA"} {
		rows = append(rows, attack("RS256 as "+as, rs.SignWith(map[string]any{"alg": as}, nil), auth.BadSignature))
	}
	rows = append(rows, attack("PS256 as RS256", authtest.NewSigner("PS256", 0).SignWith(map[string]any{"alg": "RS256"}, nil), auth.BadSignature))
	runRows(t, judgedBy(t, everyKey(t)), inPassword(rows))
	bound := withKeySet(t, jwt.Options{}, authtest.NewProvider(rs.JWK("a").With("alg", "RS256")))
	a := map[string]any{"kid": "a"}
	runRows(t, judgedBy(t, bound), inPassword([]tokenRow{
		attack("PS256 under a key for RS256", authtest.NewSigner("PS256", 0).SignWith(a, nil), auth.BadSignature),
		attack("PS256 under it, no kid", authtest.NewSigner("PS256", 0).Sign(nil), auth.BadSignature),
		attack("RS384 under it", authtest.NewSigner("RS384", 0).SignWith(a, nil), auth.BadSignature),
		{"RS256 under it", rs.SignWith(a, nil), auth.None, ""},
	}))
}

func TestAttackSplicedParts(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	a := strings.Split(hs.Sign(map[string]any{"sub": "a"}), ".")
	b := strings.Split(hs.Sign(map[string]any{"sub": "b"}), ".")
	text, signature := signatureOf(t, strings.Join(a, "."))
	runRows(t, judgedBy(t, everyKey(t)), inPassword([]tokenRow{
		attack("payload of another", a[0]+"."+b[1]+"."+a[2], auth.BadSignature),
		attack("signature of another", a[0]+"."+a[1]+"."+b[2], auth.BadSignature),
		attack("signature cut", text+authtest.Encode(signature[:16]), auth.BadSignature),
		attack("header of another key", authtest.Encode([]byte(`{"alg":"HS256","kid":"x"}`))+"."+a[1]+"."+a[2], auth.BadSignature),
	}))
}

// A token as long as a CONNECT can carry is judged like any other, and one with a huge
// header not even decoded.
func TestAttackHugeToken(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	runRows(t, judgedBy(t, everyKey(t)), inPassword([]tokenRow{
		attack("header of 20 KB", hs.SignRaw([]byte(`{"alg":"HS256","x":"`+strings.Repeat("x", 20_000)+`"}`), []byte(`{}`)), auth.TokenMalformed),
		attack("deep header", hs.SignRaw([]byte(`{"alg":"HS256","x":`+deep+`}`), []byte(`{}`)), auth.TokenMalformed),
		attack("deep payload", hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`{"x":`+deep+`}`)), auth.TokenMalformed),
		{"payload of 45 KB", hs.Sign(map[string]any{"x": strings.Repeat("x", 45_000)}), auth.None, ""},
	}))
}
