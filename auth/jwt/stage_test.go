package jwt

import (
	"context"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func TestSampleToken(t *testing.T) {
	s := newStage(t, Options{Secret: []byte(authtest.SampleSecret)})
	v := want(t, s, authtest.SampleToken, auth.Accept, auth.None)
	if !v.Identity.Expires.IsZero() {
		t.Errorf("no exp: got expiry %v, want none", v.Identity.Expires)
	}
	changed := []byte(authtest.SampleToken)
	for i := range changed {
		changed[i] ^= 1
		if v := s.Authenticate(context.Background(), withPassword(string(changed))); v.Decision == auth.Accept {
			t.Errorf("byte %d changed: got accept, want anything else", i)
		}
		changed[i] ^= 1
	}
}

func TestIgnoresWhatIsNoToken(t *testing.T) {
	s := newStage(t, Options{Secret: []byte(authtest.SampleSecret)})
	for _, text := range []string{"", "secret", "a.b", "a.b.c.d", "a.b.c.d.e", "...", "."} {
		want(t, s, text, auth.Ignore, auth.None)
	}
	user := &auth.Credentials{UserName: []byte(authtest.SampleToken), HasUserName: true}
	if v := s.Authenticate(context.Background(), user); v.Decision != auth.Ignore {
		t.Errorf("no password: got %v, want ignore", v.Decision)
	}
}

func TestSource(t *testing.T) {
	s := newStage(t, Options{Secret: []byte(authtest.SampleSecret), From: FromUserName})
	user := &auth.Credentials{UserName: []byte(authtest.SampleToken), HasUserName: true}
	if v := s.Authenticate(context.Background(), user); v.Decision != auth.Accept {
		t.Errorf("token as user name: got %v %v, want accept", v.Decision, v.Reason)
	}
	want(t, s, authtest.SampleToken, auth.Ignore, auth.None) // as the password, with user name u1
	user.HasUserName = false
	if v := s.Authenticate(context.Background(), user); v.Decision != auth.Ignore {
		t.Errorf("user name absent: got %v, want ignore", v.Decision)
	}
}

func TestMalformed(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	good := hs.Sign(claims())
	part := strings.Split(good, ".")
	payload := []byte(`{"sub":"u1"}`)
	tests := map[string]string{
		"three words":              "a.b.c",
		"dots alone":               "..",
		"header not base64url":     "e+/=." + part[1] + "." + part[2],
		"payload not base64url":    part[0] + ".a+b." + part[2],
		"signature not base64url":  part[0] + "." + part[1] + ".!",
		"padded":                   part[0] + "=." + part[1] + "." + part[2],
		"unused bits set":          part[0] + "." + part[1] + "." + part[2][:len(part[2])-1] + flipUnused(part[2]),
		"header empty":             "." + part[1] + "." + part[2],
		"header an array":          hs.SignRaw([]byte(`["HS256"]`), payload),
		"header null":              hs.SignRaw([]byte(`null`), payload),
		"header cut":               hs.SignRaw([]byte(`{"alg":"HS256"`), payload),
		"header with more after":   hs.SignRaw([]byte(`{"alg":"HS256"}x`), payload),
		"header invalid UTF-8":     hs.SignRaw([]byte("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), payload),
		"header lone surrogate":    hs.SignRaw([]byte(`{"alg":"HS256","x":"\ud800"}`), payload),
		"header too deep":          hs.SignRaw([]byte(`{"alg":"HS256","x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`), payload),
		"header too long":          hs.SignRaw([]byte(`{"alg":"HS256","x":"`+strings.Repeat("x", maxHeader)+`"}`), payload),
		"token too long":           hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`{"x":"`+strings.Repeat("x", maxToken)+`"}`)),
		"alg a number":             hs.SignRaw([]byte(`{"alg":256}`), payload),
		"alg null":                 hs.SignRaw([]byte(`{"alg":null}`), payload),
		"kid a number":             hs.SignWith(map[string]any{"kid": 1}, claims()),
		"kid null":                 hs.SignRaw([]byte(`{"alg":"HS256","kid":null}`), payload),
		"crit":                     hs.SignWith(map[string]any{"crit": []string{"exp"}}, claims()),
		"crit empty":               hs.SignWith(map[string]any{"crit": []string{}}, claims()),
		"crit null":                hs.SignRaw([]byte(`{"alg":"HS256","crit":null}`), payload),
		"b64 false":                hs.SignWith(map[string]any{"b64": false}, claims()),
		"b64 a string":             hs.SignWith(map[string]any{"b64": "false"}, claims()),
		"payload an array":         hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`[]`)),
		"payload a string":         hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`"x"`)),
		"payload empty":            hs.SignRaw([]byte(`{"alg":"HS256"}`), nil),
		"payload cut":              hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`{"sub":"u1"`)),
		"payload with more after":  hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`{"sub":"u1"}{}`)),
		"payload invalid UTF-8":    hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte("{\"sub\":\"\xc3\x28\"}")),
		"payload a bad number":     hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(`{"exp":01}`)),
		"payload with a byte mark": hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte("\ufeff{}")),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) { want(t, s, token, auth.Deny, auth.TokenMalformed) })
	}
	want(t, s, good, auth.Accept, auth.None)
	want(t, s, hs.SignWith(map[string]any{"b64": true, "typ": "at+jwt"}, claims()), auth.Accept, auth.None)
}

// flipUnused returns the last letter of the base64 of 32 bytes with an unused bit set.
func flipUnused(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, signature[len(signature)-1])|1])
}

func TestPayloadIsJudgedAfterTheSignature(t *testing.T) {
	hs, other := authtest.NewSigner("HS256", 0), authtest.NewSigner("HS256", 1)
	s := newStage(t, Options{Secret: hs.Secret()})
	header := []byte(`{"alg":"HS256"}`)
	want(t, s, other.SignRaw(header, []byte(`junk`)), auth.Deny, auth.BadSignature)
	want(t, s, other.SignRaw(header, []byte(`{"exp":1}`)), auth.Deny, auth.BadSignature)
	want(t, s, hs.SignRaw(header, []byte(`junk`)), auth.Deny, auth.TokenMalformed)
}

func TestAlgNotAllowed(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{Secret: hs.Secret()})
	want(t, s, hs.SignWith(map[string]any{"alg": nil}, claims()), auth.Deny, auth.AlgNotAllowed)
	for _, alg := range []string{"", "none", "None", "NONE", "hs256", "HS256 ", "HS1", "ES256K", "RS1", "Ed25519", "dir", "RSA-OAEP"} {
		want(t, s, hs.SignWith(map[string]any{"alg": alg}, claims()), auth.Deny, auth.AlgNotAllowed)
	}
}

// everyKey configures a secret, all kinds of public key, and a set with other keys.
func everyKey(t testing.TB) Options {
	t.Helper()
	o := Options{Secret: authtest.NewSigner("HS256", 0).Secret()}
	var set []authtest.JWK
	for _, alg := range []string{"RS256", "ES256", "ES384", "ES512", "EdDSA"} {
		o.PublicKeyPEM = append(o.PublicKeyPEM, authtest.NewSigner(alg, 0).PublicPEM()...)
		set = append(set, authtest.NewSigner(alg, 1).JWK("kid-"+alg))
	}
	o.JWKS = staticJWKS(t, set...)
	return o
}

func TestEveryAlgorithmFindsItsKey(t *testing.T) {
	s := newStage(t, everyKey(t))
	for _, alg := range authtest.Algorithms() {
		t.Run(alg, func(t *testing.T) {
			want(t, s, authtest.NewSigner(alg, 0).Sign(claims()), auth.Accept, auth.None)
			fromSet := authtest.NewSigner(alg, 1)
			kid := map[string]any{"kid": "kid-" + alg}
			if alg[0] == 'H' {
				want(t, s, fromSet.SignWith(kid, claims()), auth.Deny, auth.BadSignature)
				return
			}
			if alg[0] == 'R' || alg[0] == 'P' {
				kid["kid"] = "kid-RS256"
			}
			want(t, s, fromSet.SignWith(kid, claims()), auth.Accept, auth.None)
			want(t, s, fromSet.Sign(claims()), auth.Accept, auth.None)
			want(t, s, fromSet.SignWith(map[string]any{"kid": "other"}, claims()), auth.Deny, auth.UnknownKid)
			want(t, s, authtest.NewSigner(alg, 2).SignWith(kid, claims()), auth.Deny, auth.BadSignature)
			want(t, s, authtest.NewSigner(alg, 2).Sign(claims()), auth.Deny, auth.BadSignature)
		})
	}
}

func TestConfiguredKeysIgnoreKid(t *testing.T) {
	s := newStage(t, everyKey(t))
	for _, alg := range []string{"HS256", "RS256", "EdDSA"} {
		token := authtest.NewSigner(alg, 0).SignWith(map[string]any{"kid": "other"}, claims())
		want(t, s, token, auth.Accept, auth.None)
	}
}

func TestKeyKindsTakeTheirAlgorithmsOnly(t *testing.T) {
	kinds := map[string]string{"HS256": "HS", "RS256": "RS PS", "ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "EdDSA"}
	for kind, takes := range kinds {
		key := authtest.NewSigner(kind, 0)
		o := Options{Secret: []byte("no secret of anybody")}
		if kind == "HS256" {
			o.Secret = key.Secret()
		} else {
			o.PublicKeyPEM = key.PublicPEM()
		}
		s := newStage(t, o)
		for _, alg := range authtest.Algorithms() {
			if strings.Contains(takes, alg) || strings.Contains(takes, alg[:2]) && alg[0] != 'E' {
				want(t, s, authtest.NewSigner(alg, 0).Sign(claims()), auth.Accept, auth.None)
				continue
			}
			want(t, s, authtest.NewSigner(alg, 0).Sign(claims()), auth.Deny, auth.BadSignature)
			// The right key's signature under a wrong name.
			want(t, s, key.SignWith(map[string]any{"alg": alg}, claims()), auth.Deny, auth.BadSignature)
		}
	}
}

func TestJudgementOfTheFirstKeyIsFinal(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	o := Options{PublicKeyPEM: rs.PublicPEM(), JWKS: staticJWKS(t, rs.JWK("a"))}
	token := rs.SignWith(map[string]any{"kid": "a"}, map[string]any{"exp": now.Unix() - 1})
	want(t, newStage(t, o), token, auth.Deny, auth.TokenExpired)
}

func TestKeysUnavailable(t *testing.T) {
	rs, es := authtest.NewSigner("RS256", 0), authtest.NewSigner("ES256", 0)
	s := newStage(t, Options{
		Secret:       []byte("a secret of sixteen and more"),
		PublicKeyPEM: es.PublicPEM(),
		JWKS:         &JWKSOptions{URL: "https://idp.invalid/"},
	})
	want(t, s, rs.Sign(claims()), auth.Deny, auth.KeysUnavailable)
	want(t, s, rs.SignWith(map[string]any{"kid": "a"}, claims()), auth.Deny, auth.KeysUnavailable)
	// Something else fits.
	want(t, s, es.Sign(claims()), auth.Accept, auth.None)
	want(t, s, authtest.NewSigner("ES256", 1).Sign(claims()), auth.Deny, auth.BadSignature)
	// No key set has secrets.
	want(t, s, authtest.NewSigner("HS256", 1).Sign(claims()), auth.Deny, auth.BadSignature)
}

func TestEmptyMeansNotConfigured(t *testing.T) {
	o := Options{Secret: []byte{}, PublicKeyPEM: []byte{}}
	if _, err := New(o); err == nil {
		t.Error("New with an empty secret and an empty key: got no error, want one")
	}
	o.PublicKeyPEM = authtest.NewSigner("ES256", 0).PublicPEM()
	s := newStage(t, o)
	want(t, s, authtest.NewKeySigner("HS256", []byte{}).Sign(claims()), auth.Deny, auth.BadSignature)
}

func TestEndedContextIsBusy(t *testing.T) {
	s := newStage(t, Options{Secret: []byte(authtest.SampleSecret)})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	v := s.Authenticate(ctx, withPassword(authtest.SampleToken))
	if v.Decision != auth.Deny || v.Reason != auth.Busy {
		t.Errorf("ended context: got %v %v, want deny busy", v.Decision, v.Reason)
	}
}

func TestDetailHoldsNoPartOfTheToken(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	s := newStage(t, Options{
		Secret:        hs.Secret(),
		Claims:        map[string]*auth.Template{"role": template(t, "x")},
		IdentityClaim: "sub",
	})
	for _, c := range []map[string]any{
		{"role": "marker-value"}, {"role": []string{"marker-value"}}, {"exp": "marker-value"},
		{"nbf": "marker-value"}, {"role": "x", "sub": []string{"marker-value"}},
	} {
		token := hs.Sign(c)
		v := s.Authenticate(context.Background(), withPassword(token))
		if v.Decision != auth.Deny || strings.Contains(v.Detail, "marker") {
			t.Errorf("claims %v: got %v, detail %q; want deny without the value", c, v.Decision, v.Detail)
		}
	}
}
