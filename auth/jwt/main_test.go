package jwt

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the time at which most tests judge.
var now = time.Unix(1_700_000_000, 0)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// newStage returns the stage of o, at now and without a log, where o doesn't say otherwise.
func newStage(t testing.TB, o Options) *Stage {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	if o.Log == nil {
		o.Log = quiet()
	}
	s, err := New(o)
	if err != nil {
		t.Fatalf("New(%+v): %v", o, err)
	}
	return s
}

// withPassword are the credentials of client "c1", user "u1", with a password.
func withPassword(password string) *auth.Credentials {
	return &auth.Credentials{
		ClientID: []byte("c1"),
		UserName: []byte("u1"), HasUserName: true,
		Password: []byte(password), HasPassword: true,
	}
}

// want checks the verdict on a token that is sent as the password.
func want(t *testing.T, s *Stage, token string, d auth.Decision, r auth.Reason) auth.Verdict {
	t.Helper()
	v := s.Authenticate(context.Background(), withPassword(token))
	if v.Decision != d || v.Reason != r {
		t.Errorf("token %q: got %v %v (%s), want %v %v", token, v.Decision, v.Reason, v.Detail, d, r)
	}
	return v
}

func template(t testing.TB, s string) *auth.Template {
	t.Helper()
	tmpl, err := auth.ParseTemplate(s)
	if err != nil {
		t.Fatalf("template %q: %v", s, err)
	}
	return tmpl
}

// claims are the claims of tokens where they don't matter.
func claims() map[string]any { return map[string]any{"sub": "u1"} }

// staticJWKS returns options with a key set that is in force from the start, by way of a cache
// file, so that no network is needed.
func staticJWKS(t testing.TB, keys ...authtest.JWK) *JWKSOptions {
	t.Helper()
	const url = "https://idp.invalid/jwks"
	p := authtest.NewProvider(keys...)
	o := JWKSOptions{URL: url, CacheFile: t.TempDir() + "/jwks.json"}
	j, err := newJWKS(o, newRing(newNumbers(), nil, nil), func() time.Time { return now }, quiet())
	if err != nil {
		t.Fatal(err)
	}
	j.client.Transport = p
	if !j.refresh(context.Background()) {
		t.Fatal("the set could not be fetched")
	}
	return &o
}
