package proxy_test

import (
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
)

// tokenRow is a row about a token, wherever that is sent.
type tokenRow struct {
	name   string
	token  string
	reason auth.Reason
	detail string
}

// inPassword and inUserName are the rows of these tokens.
func inPassword(tokens []tokenRow) []row {
	rows := make([]row, len(tokens))
	for i, k := range tokens {
		rows[i] = row{k.name, "c1", "u1", k.token, k.reason, stageOf(k.reason), k.detail}
	}
	return rows
}

func inUserName(tokens []tokenRow) []row {
	rows := make([]row, len(tokens))
	for i, k := range tokens {
		rows[i] = row{k.name, "c1", k.token, []string{absent, "any password"}[i%2], k.reason, stageOf(k.reason), k.detail}
	}
	return rows
}

// stageOf is who refuses tokens for r.
func stageOf(r auth.Reason) string {
	if r == auth.NoCredentials {
		return ""
	}
	return "jwt"
}

// forms are the rows of section 7 about a token's form; hs is the configured secret.
func forms(hs *authtest.Signer) []tokenRow {
	part := strings.Split(hs.Sign(map[string]any{"sub": "u1"}), ".")
	payload := []byte(`{"sub":"u1"}`)
	header := func(json string) string { return hs.SignRaw([]byte(json), payload) }
	claims := func(json string) string { return hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(json)) }
	ignored, malformed, alg := auth.NoCredentials, auth.TokenMalformed, auth.AlgNotAllowed
	return []tokenRow{
		{"field absent", absent, ignored, ""},
		{"field empty", "", ignored, ""},
		{"no dot", "secret", ignored, ""},
		{"two parts", part[0] + "." + part[1], ignored, ""},
		{"four parts", strings.Join(part, ".") + ".x", ignored, ""},
		{"five parts, as an encrypted token has", strings.Join(part, ".") + ".x.y", ignored, ""},

		{"three words", "a.b.c", malformed, ""},
		{"dots alone", "..", malformed, ""},
		{"header not base64url", "e+/=." + part[1] + "." + part[2], malformed, "header is not base64url"},
		{"payload not base64url", part[0] + ".a+b." + part[2], malformed, "payload is not base64url"},
		{"signature not base64url", part[0] + "." + part[1] + ".!", malformed, "signature is not base64url"},
		{"padded", part[0] + "=." + part[1] + "." + part[2], malformed, ""},
		{"header an array", header(`["HS256"]`), malformed, "header: not a JSON object"},
		{"header null", header(`null`), malformed, ""},
		{"header cut", header(`{"alg":"HS256"`), malformed, ""},
		{"header with more after it", header(`{"alg":"HS256"}x`), malformed, ""},
		{"header not UTF-8", header("{\"alg\":\"HS256\",\"x\":\"\xff\"}"), malformed, ""},
		{"alg a number", header(`{"alg":256}`), malformed, "alg is not a string"},
		{"alg null", header(`{"alg":null}`), malformed, ""},
		{"kid a number", header(`{"alg":"HS256","kid":1}`), malformed, "kid is not a string"},
		{"kid null", header(`{"alg":"HS256","kid":null}`), malformed, ""},
		{"crit", header(`{"alg":"HS256","crit":["exp"]}`), malformed, "crit"},
		{"b64 false", header(`{"alg":"HS256","b64":false}`), malformed, "b64"},

		{"alg missing", header(`{"typ":"JWT"}`), alg, "no alg"},
		{"alg by another case", header(`{"Alg":"HS256"}`), alg, "no alg"},
		{"alg empty", header(`{"alg":""}`), alg, ""},
		{"alg none", header(`{"alg":"none"}`), alg, ""},
		{"alg in another case", header(`{"alg":"hs256"}`), alg, ""},
		{"alg unknown", header(`{"alg":"ES256K"}`), alg, ""},
		{"alg of encryption", header(`{"alg":"RSA-OAEP"}`), alg, ""},

		{"another secret", authtest.NewSigner("HS256", 1).Sign(nil), auth.BadSignature, ""},
		{"signature of another payload", part[0] + "." + authtest.Encode([]byte(`{"sub":"u2"}`)) + "." + part[2], auth.BadSignature, ""},
		{"signature empty", part[0] + "." + part[1] + ".", auth.BadSignature, ""},
		{"no key fits", authtest.NewSigner("ES256", 0).Sign(nil), auth.BadSignature, "no key is configured for ES256"},
		{"bad signature and expired", authtest.NewSigner("HS256", 1).Sign(map[string]any{"exp": 1}), auth.BadSignature, ""},
		{"bad signature and no JSON", authtest.NewSigner("HS256", 1).SignRaw([]byte(`{"alg":"HS256"}`), []byte("x")), auth.BadSignature, ""},

		{"payload an array", claims(`[]`), malformed, "payload: not a JSON object"},
		{"payload empty", claims(``), malformed, ""},
		{"payload cut", claims(`{"sub":"u1"`), malformed, ""},
		{"payload with more after it", claims(`{"sub":"u1"}{}`), malformed, ""},
		{"payload not UTF-8", claims("{\"sub\":\"\xc3\x28\"}"), malformed, ""},

		{"all holds", hs.Sign(nil), auth.None, ""},
		{"all holds, HS384", authtest.NewSigner("HS384", 0).Sign(nil), auth.None, ""},
		{"all holds, HS512", authtest.NewSigner("HS512", 0).Sign(nil), auth.None, ""},
		{"kid, typ and b64 true matter to no secret",
			hs.SignWith(map[string]any{"kid": "x", "typ": "at+jwt", "b64": true}, nil), auth.None, ""},
	}
}

// Section 7, the form of tokens, in both fields that may carry them.
func TestJWTTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	t.Run("from password", func(t *testing.T) {
		runRows(t, judgedBy(t, tokens(t, jwt.Options{Secret: hs.Secret()})), append(inPassword(forms(hs)),
			row{"token in the user name", "c1", hs.Sign(nil), absent, auth.NoCredentials, "", ""},
			row{"token without a user name", "c1", absent, hs.Sign(nil), auth.None, "jwt", ""}))
	})
	t.Run("from username", func(t *testing.T) {
		runRows(t, judgedBy(t, tokens(t, jwt.Options{Secret: hs.Secret(), From: jwt.FromUserName})), append(inUserName(forms(hs)),
			row{"token in the password", "c1", "u1", hs.Sign(nil), auth.NoCredentials, "", ""}))
	})
}

// The sample of the design, and the same with one byte changed.
func TestSampleTokenTable(t *testing.T) {
	sample := authtest.SampleToken
	runRows(t, judgedBy(t, tokens(t, jwt.Options{Secret: []byte(authtest.SampleSecret)})), []row{
		{"any user name", "c1", "anyone", sample, auth.None, "jwt", ""},
		{"the last byte changed", "c1", "anyone", sample[:len(sample)-1] + "9", auth.TokenMalformed, "jwt", ""}, // an unused bit
		{"a byte of the signature changed", "c1", "anyone", strings.Replace(sample, "JHtut", "JHtuu", 1), auth.BadSignature, "jwt", ""},
		{"a byte of the payload changed", "c1", "anyone", strings.Replace(sample, "eyJzdWIi", "eyJzdWJi", 1), auth.BadSignature, "jwt", ""},
	})
}

// timeRows are the rows of section 7 about exp, nbf and iat at clock, with a leeway.
func timeRows(hs *authtest.Signer, leeway int64) []tokenRow {
	now := clock.Unix()
	claim := func(name string, v any) string { return hs.Sign(map[string]any{name: v}) }
	raw := func(json string) string { return hs.SignRaw([]byte(`{"alg":"HS256"}`), []byte(json)) }
	malformed, future := auth.ClaimMalformed, auth.TokenIssuedInFuture
	return []tokenRow{
		{"exp long ago", claim("exp", 1), auth.TokenExpired, ""},
		{"exp zero", claim("exp", 0), auth.TokenExpired, ""},
		{"exp negative", claim("exp", -1e300), auth.TokenExpired, ""},
		{"exp now", claim("exp", now-leeway), auth.TokenExpired, ""},
		{"exp in a second", claim("exp", now-leeway+1), auth.None, ""},
		{"exp in half a second", claim("exp", float64(now-leeway)+0.5), auth.None, ""},
		{"exp half a second ago", claim("exp", float64(now-leeway)-0.5), auth.TokenExpired, ""},
		{"exp a string", claim("exp", "9999999999"), auth.None, ""},
		{"exp a string, and over", claim("exp", "1e3"), auth.TokenExpired, ""},
		{"exp beyond a time.Duration", claim("exp", now+20_000_000_000), auth.None, ""},
		{"exp beyond an int64", claim("exp", 1e300), auth.None, ""},
		{"exp beyond a float64", raw(`{"exp":1e999}`), malformed, "exp"},
		{"nbf now", claim("nbf", now+leeway), auth.None, ""},
		{"nbf within this second", claim("nbf", float64(now+leeway)+0.5), auth.None, ""},
		{"nbf in a second", claim("nbf", now+leeway+1), auth.TokenNotYetValid, ""},
		{"nbf a string", claim("nbf", "9999999999"), auth.TokenNotYetValid, ""},
		{"nbf beyond an int64", claim("nbf", 1e300), auth.TokenNotYetValid, ""},
		{"nbf beyond a float64", raw(`{"nbf":1e999}`), malformed, "nbf"},
		{"iat now", claim("iat", now+leeway), auth.None, ""},
		{"iat in a second", claim("iat", now+leeway+1), future, ""},
		{"iat beyond an int64", claim("iat", 1e300), future, ""},
		{"iat beyond a float64", raw(`{"iat":1e999}`), malformed, "iat"},
		{"all three at once", hs.Sign(map[string]any{"exp": now + 1, "nbf": now, "iat": now}), auth.None, ""},
		{"by another case", hs.Sign(map[string]any{"EXP": 1, "Nbf": 1e300, "iaT": 1e300}), auth.None, ""},
		{"none of them", hs.Sign(nil), auth.None, ""},
		{"exp infinite", claim("exp", "Infinity"), malformed, "exp"},
		{"exp not a number", claim("exp", "NaN"), malformed, "exp"},
		{"exp hexadecimal", claim("exp", "0xFFFFFFFFFF"), malformed, "exp"},
		{"exp with a blank", claim("exp", " 9999999999"), malformed, "exp"},
		{"exp an empty string", claim("exp", ""), malformed, "exp"},
		{"exp true", claim("exp", true), malformed, "exp"},
		{"exp null", raw(`{"exp":null}`), malformed, "exp"},
		{"exp an array", claim("exp", []int{1}), malformed, "exp"},
		{"nbf an object", claim("nbf", map[string]any{}), malformed, "nbf"},
		{"iat a word", claim("iat", "tomorrow"), malformed, "iat"},
	}
}

// Section 7, the three times.
func TestJWTTimesTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	for name, leeway := range map[string]time.Duration{"no leeway": 0, "leeway of 10s": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			stage := tokens(t, jwt.Options{Secret: hs.Secret(), Leeway: leeway})
			runRows(t, judgedBy(t, stage), inPassword(timeRows(hs, int64(leeway/time.Second))))
		})
	}
	t.Run("require_exp", func(t *testing.T) {
		stage := tokens(t, jwt.Options{Secret: hs.Secret(), RequireExp: true})
		runRows(t, judgedBy(t, stage), inPassword([]tokenRow{
			{"without exp", hs.Sign(nil), auth.ClaimMissing, "exp"},
			{"with exp", hs.Sign(map[string]any{"exp": clock.Unix() + 1}), auth.None, ""},
		}))
	})
	t.Run("check_iat off", func(t *testing.T) {
		stage := tokens(t, jwt.Options{Secret: hs.Secret(), IgnoreIAT: true})
		runRows(t, judgedBy(t, stage), inPassword([]tokenRow{
			{"iat in the future", hs.Sign(map[string]any{"iat": 1e300}), auth.None, ""},
			{"iat no number", hs.Sign(map[string]any{"iat": "tomorrow"}), auth.None, ""},
			{"nbf in the future", hs.Sign(map[string]any{"nbf": 1e300}), auth.TokenNotYetValid, ""},
		}))
	})
}
