package jwt

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// signed signs a payload given as JSON text.
func signed(payload string) string {
	return authtest.NewSigner("HS256", 0).SignRaw([]byte(`{"alg":"HS256"}`), []byte(payload))
}

func claimStage(t *testing.T, o Options) *Stage {
	o.Secret = authtest.NewSigner("HS256", 0).Secret()
	return newStage(t, o)
}

func TestTimes(t *testing.T) {
	at := func(d time.Duration) func() time.Time { return func() time.Time { return now.Add(d) } }
	const sec = 1_700_000_000 // now
	accept := auth.None
	tests := []struct {
		payload string
		o       Options
		want    auth.Reason
	}{
		{`{}`, Options{}, accept},
		{`{}`, Options{RequireExp: true}, auth.ClaimMissing},
		{`{"exp":1700000001}`, Options{RequireExp: true}, accept},
		// exp: valid while now < exp.
		{`{"exp":1700000001}`, Options{}, accept},
		{`{"exp":1700000000}`, Options{}, auth.TokenExpired},
		{`{"exp":1700000000}`, Options{Now: at(-1)}, accept},
		{`{"exp":1700000000}`, Options{Leeway: 1}, accept},
		{`{"exp":1699999990}`, Options{Leeway: 10 * time.Second}, auth.TokenExpired},
		{`{"exp":1699999991}`, Options{Leeway: 10 * time.Second}, accept},
		{`{"exp":1700000000.5}`, Options{}, accept},
		{`{"exp":1700000000.5}`, Options{Now: at(time.Second / 2)}, auth.TokenExpired},
		{`{"exp":1.7e9}`, Options{}, auth.TokenExpired},
		{`{"exp":1.700000001E+9}`, Options{}, accept},
		{`{"exp":"1700000001"}`, Options{}, accept},
		{`{"exp":"1700000000"}`, Options{}, auth.TokenExpired},
		{`{"exp":"1.700000001e9"}`, Options{}, accept},
		{`{"exp":"\u0031700000001"}`, Options{}, accept},
		{`{"exp":0}`, Options{}, auth.TokenExpired},
		{`{"exp":-1}`, Options{}, auth.TokenExpired},
		{`{"exp":-1e308}`, Options{}, auth.TokenExpired},
		{`{"exp":1e-400}`, Options{}, auth.TokenExpired},
		// The far future is never, whatever would overflow on the way.
		{`{"exp":9223372036}`, Options{}, accept},
		{`{"exp":9223372036854775807}`, Options{}, accept},
		{`{"exp":9223372036854775808}`, Options{Leeway: time.Hour}, accept},
		{`{"exp":18446744073709551616}`, Options{}, accept},
		{`{"exp":1e308}`, Options{}, accept},
		{`{"exp":1e309}`, Options{}, auth.ClaimMalformed},
		{`{"exp":-1e309}`, Options{}, auth.ClaimMalformed},
		// nbf and iat: valid when <= now in whole seconds.
		{`{"nbf":1700000000}`, Options{}, accept},
		{`{"nbf":1700000001}`, Options{}, auth.TokenNotYetValid},
		{`{"nbf":1700000001}`, Options{Now: at(time.Second - 1)}, auth.TokenNotYetValid},
		{`{"nbf":1700000001}`, Options{Leeway: time.Second}, accept},
		{`{"nbf":1700000000.9}`, Options{}, accept},
		{`{"nbf":"1700000001"}`, Options{}, auth.TokenNotYetValid},
		{`{"nbf":1e308}`, Options{}, auth.TokenNotYetValid},
		{`{"nbf":9223372036854775808}`, Options{Leeway: time.Hour}, auth.TokenNotYetValid},
		{`{"nbf":-1e308}`, Options{}, accept},
		{`{"nbf":1e309}`, Options{}, auth.ClaimMalformed},
		{`{"iat":1700000000}`, Options{}, accept},
		{`{"iat":1700000001}`, Options{}, auth.TokenIssuedInFuture},
		{`{"iat":1700000001}`, Options{Leeway: time.Second}, accept},
		{`{"iat":1700000001}`, Options{IgnoreIAT: true}, accept},
		{`{"iat":"junk"}`, Options{IgnoreIAT: true}, accept},
		{`{"iat":1e308}`, Options{}, auth.TokenIssuedInFuture},
		{`{"iat":1e309}`, Options{}, auth.ClaimMalformed},
		// The order where several fail.
		{`{"iat":"x","nbf":1800000000,"exp":1}`, Options{}, auth.TokenExpired},
		{`{"iat":"x","nbf":1800000000}`, Options{}, auth.TokenNotYetValid},
	}
	for _, v := range []string{`null`, `true`, `{}`, `[]`, `[1800000000]`, `""`, `" 1"`, `"1 "`, `"01"`, `"+1"`, `".5"`, `"1."`,
		`"0x7fffffff"`, `"1_000"`, `"Infinity"`, `"Inf"`, `"NaN"`, `"1e"`, `"tomorrow"`, `"1\u0000"`} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			tests = append(tests, struct {
				payload string
				o       Options
				want    auth.Reason
			}{fmt.Sprintf(`{%q:%s}`, name, v), Options{}, auth.ClaimMalformed})
		}
	}
	if now.Unix() != sec {
		t.Fatalf("the table is written for %d, now is %d", sec, now.Unix())
	}
	for _, test := range tests {
		s := claimStage(t, test.o)
		v := s.Authenticate(context.Background(), withPassword(signed(test.payload)))
		if v.Reason != test.want || (v.Decision == auth.Accept) != (test.want == accept) {
			t.Errorf("%s, leeway %v, at %v: got %v %v (%s), want reason %v",
				test.payload, test.o.Leeway, s.now().Sub(now), v.Decision, v.Reason, v.Detail, test.want)
		}
	}
}

func TestExpires(t *testing.T) {
	tests := []struct {
		payload string
		leeway  time.Duration
		want    time.Time
	}{
		{`{}`, time.Hour, time.Time{}},
		{`{"exp":1700000010}`, 0, now.Add(10 * time.Second)},
		{`{"exp":1700000010}`, time.Minute, now.Add(70 * time.Second)},
		{`{"exp":1700000010.25}`, 0, now.Add(10250 * time.Millisecond)},
		{`{"exp":"1700000010"}`, 0, now.Add(10 * time.Second)},
		{`{"exp":1e300}`, time.Minute, time.Time{}},
		{`{"exp":99999999999}`, 0, time.Time{}},
	}
	for _, test := range tests {
		s := claimStage(t, Options{Leeway: test.leeway})
		v := want(t, s, signed(test.payload), auth.Accept, auth.None)
		if got := v.Identity.Expires; !got.Equal(test.want) {
			t.Errorf("%s, leeway %v: got %v, want %v", test.payload, test.leeway, got, test.want)
		}
	}
}

func TestDeclarations(t *testing.T) {
	u1, nobody := withPassword, func(string) *auth.Credentials {
		return &auth.Credentials{HasPassword: true}
	}
	empty := func(string) *auth.Credentials {
		return &auth.Credentials{HasUserName: true, HasPassword: true}
	}
	tests := []struct {
		claim, template, payload string
		who                      func(string) *auth.Credentials
		want                     auth.Reason
	}{
		{"sub", "%u", `{"sub":"u1"}`, u1, auth.None},
		{"sub", "${username}", `{"sub":"u1"}`, u1, auth.None},
		{"sub", "%c", `{"sub":"c1"}`, u1, auth.None},
		{"sub", "${clientid}", `{"sub":"c1"}`, u1, auth.None},
		{"sub", "x/%u-%c/%%", `{"sub":"x/u1-c1/%"}`, u1, auth.None},
		{"sub", "%u", `{"sub":"\u00751"}`, u1, auth.None},
		{"sub", "%u", `{"sub":"u2"}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"sub":"U1"}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"sub":"u1 "}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"sub":""}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"sub":null}`, u1, auth.ClaimMismatch},
		{"sub", "1", `{"sub":1}`, u1, auth.ClaimMismatch},
		{"sub", "true", `{"sub":true}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"sub":["u1"]}`, u1, auth.ClaimMismatch},
		{"sub", "%u", `{"Sub":"u1"}`, u1, auth.ClaimMissing},
		{"sub", "%u", `{}`, u1, auth.ClaimMissing},
		{"role", "device", `{"role":"device"}`, u1, auth.None},
		{"role", "device", `{"x":{"role":"device"}}`, u1, auth.ClaimMissing},
		{"a.b", "x", `{"a":{"b":"x"}}`, u1, auth.ClaimMissing},
		{"a.b", "x", `{"a.b":"x"}`, u1, auth.None},
		{"aud", "mqtt", `{"aud":"mqtt"}`, u1, auth.None},
		{"aud", "mqtt", `{"aud":["web","mqtt"]}`, u1, auth.None},
		{"aud", "mqtt", `{"aud":["web","mqt\u0074"]}`, u1, auth.None},
		{"aud", "mqtt", `{"aud":["web"]}`, u1, auth.ClaimMismatch},
		{"aud", "mqtt", `{"aud":[]}`, u1, auth.ClaimMismatch},
		{"aud", "mqtt", `{"aud":["mqtt",1]}`, u1, auth.ClaimMismatch},
		{"aud", "mqtt", `{"aud":[["mqtt"]]}`, u1, auth.ClaimMismatch},
		{"aud", "mqtt", `{"aud":{"mqtt":"mqtt"}}`, u1, auth.ClaimMismatch},
		// An identity that was not sent, or sent empty, equals nothing.
		{"sub", "%u", `{}`, nobody, auth.ClaimMissing},
		{"sub", "%u", `{"sub":""}`, nobody, auth.ClaimMissing},
		{"sub", "%u", `{"sub":""}`, empty, auth.ClaimMissing},
		{"sub", "%c", `{"sub":""}`, empty, auth.ClaimMissing},
		{"sub", "a%u", `{"sub":"a"}`, nobody, auth.ClaimMissing},
		{"aud", "%u", `{"aud":[""]}`, empty, auth.ClaimMissing},
	}
	for _, test := range tests {
		s := claimStage(t, Options{Claims: map[string]*auth.Template{test.claim: template(t, test.template)}})
		c := test.who("")
		c.Password = []byte(signed(test.payload))
		v := s.Authenticate(context.Background(), c)
		if v.Reason != test.want || (v.Decision == auth.Accept) != (test.want == auth.None) {
			t.Errorf("%s = %q, token %s, client %v: got %v %v (%s), want reason %v",
				test.claim, test.template, test.payload, c, v.Decision, v.Reason, v.Detail, test.want)
		}
	}
}

func TestAllDeclarationsMustHold(t *testing.T) {
	s := claimStage(t, Options{Claims: map[string]*auth.Template{
		"a": template(t, "%u"), "b": template(t, "%c"), "c": template(t, "x"),
	}})
	want(t, s, signed(`{"a":"u1","b":"c1","c":"x"}`), auth.Accept, auth.None)
	want(t, s, signed(`{"a":"?","b":"c1","c":"x"}`), auth.Deny, auth.ClaimMismatch)
	want(t, s, signed(`{"a":"u1","b":"?","c":"x"}`), auth.Deny, auth.ClaimMismatch)
	want(t, s, signed(`{"a":"u1","b":"c1"}`), auth.Deny, auth.ClaimMissing)
	for range 20 { // a map's order would change
		if v := want(t, s, signed(`{"b":"?","c":"?"}`), auth.Deny, auth.ClaimMissing); v.Detail != `claim "a"` {
			t.Errorf("got detail %q, want the first claim by name", v.Detail)
		}
	}
}

func TestUndeclarableClaims(t *testing.T) {
	for _, name := range []string{"", "exp", "nbf", "iat"} {
		_, err := New(Options{Secret: []byte("s"), Claims: map[string]*auth.Template{name: template(t, "1")}})
		if err == nil {
			t.Errorf("declaring %q: got no error, want one", name)
		}
	}
}

func TestIdentity(t *testing.T) {
	s := claimStage(t, Options{IdentityClaim: "device", KeepClaims: []string{"site", "level", "gone"}})
	v := want(t, s, signed(`{"device":"d\u00e9","site":"north","level":3}`), auth.Accept, auth.None)
	if v.Identity.Name != "dé" {
		t.Errorf("got name %q, want %q", v.Identity.Name, "dé")
	}
	if wanted := map[string]string{"site": "north"}; !maps.Equal(v.Identity.Claims, wanted) {
		t.Errorf("got claims %v, want %v", v.Identity.Claims, wanted)
	}
	want(t, s, signed(`{}`), auth.Deny, auth.ClaimMissing)
	for _, bad := range []string{`5`, `null`, `""`, `["d"]`} {
		want(t, s, signed(`{"device":`+bad+`}`), auth.Deny, auth.ClaimMalformed)
	}
	v = want(t, claimStage(t, Options{}), signed(`{"device":"d","sub":"x"}`), auth.Accept, auth.None)
	if v.Identity.Name != "" || v.Identity.Claims != nil {
		t.Errorf("nothing configured: got identity %+v, want nothing proven", v.Identity)
	}
}
