package mint

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"
)

func decode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The examples of RFC 7638, 3.1, and of RFC 8037, A.3.
func TestThumbprintsOfTheRFCs(t *testing.T) {
	n := "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs" +
		"tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI" +
		"SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	for _, tc := range []struct {
		key  crypto.PublicKey
		want string
	}{
		{&rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, n)), E: 65537}, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{ed25519.PublicKey(decode(t, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		if got, err := Thumbprint(tc.key); err != nil || got != tc.want {
			t.Errorf("%T: %s, %v; want %s", tc.key, got, err, tc.want)
		}
	}
}

func TestEveryAlgorithmSignsWithItsOwnKeyAlone(t *testing.T) {
	for _, alg := range Algorithms() {
		private, public, err := NewKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		o := SignOptions{Claims: map[string]any{"sub": "x"}, KID: "k"}
		if IsSecret(alg) {
			o.Secret = private
		} else if o.Key, err = ParsePrivateKey(append(public, private...)); err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		signed := 0
		for _, o.Algorithm = range Algorithms() {
			token, err := Sign(o)
			if (err == nil) != (o.Algorithm[:2] == alg[:2] && (alg[0] == 'H' || o.Algorithm == alg) || strings.Contains("RS PS", alg[:2]) && strings.Contains("RS PS", o.Algorithm[:2])) {
				t.Errorf("a key of %s signs %s: %v", alg, o.Algorithm, err)
			}
			if err != nil {
				continue
			}
			signed++
			var header map[string]string
			if err := json.Unmarshal(decode(t, strings.Split(token, ".")[0]), &header); err != nil || header["alg"] != o.Algorithm || header["kid"] != "k" {
				t.Errorf("%s: header %v, %v", o.Algorithm, header, err)
			}
		}
		if signed == 0 {
			t.Errorf("a key of %s signs nothing", alg)
		}
	}
	for _, o := range []SignOptions{{}, {Secret: []byte("x"), Algorithm: "none"}, {Secret: []byte("x"), Algorithm: "hs256"}} {
		if token, err := Sign(o); err == nil {
			t.Errorf("%+v gives %s", o.Algorithm, token)
		}
	}
	if _, _, err := NewKey("none"); err == nil {
		t.Error("a key for none")
	}
}

func TestParsePrivateKeyRefuses(t *testing.T) {
	_, public, err := NewKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "hunter2", string(public),
		"-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\naHVudGVyMg==\n-----END ENCRYPTED PRIVATE KEY-----\n",
	} {
		if key, err := ParsePrivateKey([]byte(text)); err == nil || key != nil || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%.30q: %v", text, err)
		}
	}
}

func TestParseClaim(t *testing.T) {
	for in, want := range map[string]string{
		"a=b": `"b"`, "a=": `""`, "a=b=c": `"b=c"`, "a=:=": `":="`, "a:=1": "1", "a:=1.0": "1.0", `a:=["x"]`: `["x"]`,
		"a:=null": "null", "a:={\"b\":true}": `{"b":true}`, "https://x/y=z": `"z"`,
	} {
		name, value, err := ParseClaim(in)
		got, _ := json.Marshal(value)
		if err != nil || name == "" || string(got) != want {
			t.Errorf("%s: %s %s, %v; want %s", in, name, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "=b", ":=1", "a:=b", "a:=", "a:=1 2"} {
		if name, value, err := ParseClaim(in); err == nil {
			t.Errorf("%q: %s = %v", in, name, value)
		}
	}
}

func TestInspect(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	token := enc(`{"alg":"HS256"}`) + "." + enc(`{"name":"a\u202eb`+"\u202e\u0085\U000e0001"+`","exp":1799999999.5,"nbf":1800172800,"iat":"soon"}`) + ".c2VjcmV0"
	got, err := Inspect(token, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"alg": "HS256"`, `"name": "a\u202eb\u202e\u0085\udb40\udc01"`,
		"exp  2027-01-15 07:59:59 UTC  expired 1s ago\n", "nbf  2027-01-17 08:00:00 UTC  not valid yet: in 2 days\n", "iat  not a number\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%swant %q in it", got, want)
		}
	}
	if strings.Contains(got, "c2VjcmV0") || strings.Contains(got, "secret") {
		t.Errorf("the signature is shown:\n%s", got)
	}
	for payload, want := range map[string]string{
		`{}`: "exp  none: it never expires", `{"exp":1e300}`: "exp  beyond the year 9999", `{"exp":1e999}`: "exp  a number that is too large",
		`{"iat":1800000060}`: "iat  2027-01-15 08:01:00 UTC  issued in the future: in 1m0s", `{"exp":0}`: "expired 57 years ago",
	} {
		if got, err := Inspect(enc("{}")+"."+enc(payload)+".", now); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %v\n%swant %q", payload, err, got, want)
		}
	}
	for _, bad := range []string{"", "a.b", "a.b.c.d", enc("[]") + "." + enc("{}") + ".", enc("{}") + "." + enc("{") + ".", "e30=.e30.", "e30.e30.?", "e30.e\n30.x"} {
		if got, err := Inspect(bad, now); err == nil {
			t.Errorf("%q: %s", bad, got)
		}
	}
}
