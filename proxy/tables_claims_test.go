package proxy_test

import (
	"log/slog"
	"strings"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/jwt"
)

// declared are the declarations of one stage; verify_claims is off where there are none.
type declared map[string]string

// claimRow is a row of section 8.
type claimRow struct {
	name     string
	declared declared
	id, user string
	claims   map[string]any // of the token
	reason   auth.Reason
	detail   string
}

// is is a token's claims with one of them.
func is(name string, v any) map[string]any { return map[string]any{name: v} }

// claimRows are section 8's: each placeholder, and each way in which a claim fails.
func claimRows() []claimRow {
	mismatch, missing := auth.ClaimMismatch, auth.ClaimMissing
	user, id := declared{"n": "%u"}, declared{"n": "%c"}
	return []claimRow{
		{"%u", user, "c1", "u1", is("n", "u1"), auth.None, ""},
		{"%u differs", user, "c1", "u1", is("n", "u2"), mismatch, `claim \"n\"`},
		{"%c", id, "c1", "u1", is("n", "c1"), auth.None, ""},
		{"%c differs", id, "c1", "u1", is("n", "u1"), mismatch, `claim \"n\"`},
		{"${username}", declared{"n": "${username}"}, "c1", "u1", is("n", "u1"), auth.None, ""},
		{"${username} differs", declared{"n": "${username}"}, "c1", "u1", is("n", "c1"), mismatch, ""},
		{"${clientid}", declared{"n": "${clientid}"}, "c1", "u1", is("n", "c1"), auth.None, ""},
		{"${clientid} differs", declared{"n": "${clientid}"}, "c1", "u1", is("n", "u1"), mismatch, ""},
		{"%% is a per cent sign", declared{"n": "100%%"}, "c1", "u1", is("n", "100%"), auth.None, ""},
		{"%% is not two", declared{"n": "100%%"}, "c1", "u1", is("n", "100%%"), mismatch, ""},
		{"%%u is no placeholder", declared{"n": "%%u"}, "c1", "u1", is("n", "%u"), auth.None, ""},
		{"%%u is not the user name", declared{"n": "%%u"}, "c1", "u1", is("n", "u1"), mismatch, ""},
		{"anywhere in the value", declared{"n": "dev/%c of ${username}!"}, "c1", "u1", is("n", "dev/c1 of u1!"), auth.None, ""},
		{"a placeholder's text is no template", user, "c1", "%c", is("n", "%c"), auth.None, ""},
		{"a placeholder's text is not expanded", user, "c1", "%c", is("n", "c1"), mismatch, ""},
		{"plain", declared{"n": "meter"}, "c1", "u1", is("n", "meter"), auth.None, ""},
		{"more than one, all hold", declared{"n": "%u", "m": "%c"}, "c1", "u1", map[string]any{"n": "u1", "m": "c1"}, auth.None, ""},
		{"more than one, one fails", declared{"n": "%u", "m": "%c"}, "c1", "u1", map[string]any{"n": "u1", "m": "c2"}, mismatch, `claim \"m\"`},
		{"beyond ASCII", user, "c1", "Żółw", is("n", "Żółw"), auth.None, ""},
		{"another normal form", user, "c1", "\u00e9", is("n", "e\u0301"), mismatch, ""},

		{"aud a string", declared{"aud": "mqtt"}, "c1", "u1", is("aud", "mqtt"), auth.None, ""},
		{"aud another string", declared{"aud": "mqtt"}, "c1", "u1", is("aud", "http"), mismatch, `claim \"aud\"`},
		{"aud an array that holds it", declared{"aud": "mqtt"}, "c1", "u1", is("aud", []string{"http", "mqtt"}), auth.None, ""},
		{"aud an array without it", declared{"aud": "mqtt"}, "c1", "u1", is("aud", []string{"http", "mqtts"}), mismatch, ""},
		{"aud an empty array", declared{"aud": "mqtt"}, "c1", "u1", is("aud", []string{}), mismatch, ""},
		{"aud an array of arrays", declared{"aud": "mqtt"}, "c1", "u1", is("aud", [][]string{{"mqtt"}}), mismatch, ""},
		{"aud an array with a number", declared{"aud": "mqtt"}, "c1", "u1", is("aud", []any{"mqtt", 1}), mismatch, ""},
		{"another claim an array that holds it", declared{"role": "mqtt"}, "c1", "u1", is("role", []string{"mqtt"}), mismatch, ""},

		{"a number for a string", declared{"n": "5"}, "c1", "u1", is("n", 5), mismatch, ""},
		{"a bool for a string", declared{"n": "true"}, "c1", "u1", is("n", true), mismatch, ""},
		{"null", declared{"n": "null"}, "c1", "u1", is("n", nil), mismatch, ""},
		{"an object", user, "c1", "u1", is("n", map[string]any{"n": "u1"}), mismatch, ""},
		{"missing", user, "c1", "u1", nil, missing, `claim \"n\"`},
		{"only deeper down", user, "c1", "u1", is("x", map[string]any{"n": "u1"}), missing, ""},
		{"name in another case", user, "c1", "u1", is("N", "u1"), missing, ""},
		{"value in another case", user, "c1", "u1", is("n", "U1"), mismatch, ""},
		{"value with a blank", user, "c1", "u1", is("n", "u1 "), mismatch, ""},
		{"value a beginning", user, "c1", "u12", is("n", "u1"), mismatch, ""},

		{"user name not sent", user, "c1", absent, is("n", "u1"), missing, "%u has no value"},
		{"user name not sent, claim empty", user, "c1", absent, is("n", ""), missing, "%u has no value"},
		{"user name empty", user, "c1", "", is("n", ""), missing, "%u has no value"},
		{"${username} not sent", declared{"n": "x${username}"}, "c1", absent, is("n", "x"), missing, ""},
		{"client id empty", id, "", "u1", is("n", ""), missing, "%c has no value"},
		{"client id empty in a longer value", declared{"n": "dev/%c"}, "", "u1", is("n", "dev/"), missing, "%c has no value"},
		{"neither sent nor in the token", user, "c1", absent, nil, missing, ""},
		{"not named, not needed", id, "c1", absent, is("n", "c1"), auth.None, ""},

		{"verify_claims off", nil, "c1", "u1", is("n", "u2"), auth.None, ""},
	}
}

// Section 8: the declarations.
func TestClaimsTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	for _, c := range claimRows() {
		o := jwt.Options{Secret: hs.Secret(), Claims: map[string]*auth.Template{}}
		for name, value := range c.declared {
			parsed, err := auth.ParseTemplate(value)
			if err != nil {
				t.Fatal(err)
			}
			o.Claims[name] = parsed
		}
		runRows(t, judgedBy(t, tokens(t, o)), []row{
			{c.name, c.id, c.user, hs.Sign(c.claims), c.reason, "jwt", c.detail},
		})
	}
}

// With the token as the user name, %c binds it as well as ever.
func TestClaimsOfTokensInUserNames(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	stage := tokens(t, jwt.Options{
		Secret: hs.Secret(), From: jwt.FromUserName, Claims: map[string]*auth.Template{"dev": template(t, "%c")},
	})
	runRows(t, judgedBy(t, stage), []row{
		{"holds", "c1", hs.Sign(is("dev", "c1")), absent, auth.None, "jwt", "username=[jwt] "},
		{"differs", "c1", hs.Sign(is("dev", "c2")), absent, auth.ClaimMismatch, "jwt", "username=[jwt] "},
		{"client id empty", "", hs.Sign(is("dev", "")), absent, auth.ClaimMissing, "jwt", "username=[jwt] "},
	})
}

// Section 8: the proven identity.
func TestIdentityClaimTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	runRows(t, judgedBy(t, tokens(t, jwt.Options{Secret: hs.Secret(), IdentityClaim: "sub"})), inPassword([]tokenRow{
		{"a string", hs.Sign(is("sub", "meter-7")), auth.None, "identity=meter-7 "},
		{"a token for a name", hs.Sign(is("sub", authtest.SampleToken)), auth.None, "identity=[jwt] "},
		{"missing", hs.Sign(nil), auth.ClaimMissing, "sub"},
		{"a number", hs.Sign(is("sub", 7)), auth.ClaimMalformed, "sub"},
		{"empty", hs.Sign(is("sub", "")), auth.ClaimMalformed, "sub"},
		{"null", hs.Sign(is("sub", nil)), auth.ClaimMalformed, "sub"},
	}))
}

// The log names the claim that failed, and at info level does not show its value: at debug level the
// explanation does.
func TestRefusedClaimsValueIsNotLogged(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	const marker = "markervalue"
	stage := tokens(t, jwt.Options{Secret: hs.Secret(), Claims: map[string]*auth.Template{"role": template(t, "x-%c-wanted")}})
	for name, claims := range map[string]map[string]any{
		"another value": is("role", marker), "an array": is("role", []string{marker}), "exp": is("exp", marker),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, judgedBy(t, stage))
			r.level.Set(slog.LevelInfo)
			for _, v := range versions {
				r.answer(frame(row{id: "c1", user: "u1", password: hs.Sign(claims)}.connect(v)))
				r.expectLog("msg=refused", "mqtt="+v.String(), `detail="claim`)
			}
			for _, secret := range []string{marker, "x-c1-wanted"} {
				if strings.Contains(r.log.String(), secret) {
					t.Errorf("%q is in the log:\n%s", secret, r.log)
				}
			}
			r.expectDialled(0)
		})
	}
}
