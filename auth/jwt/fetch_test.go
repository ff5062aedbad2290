package jwt

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"mqttward/auth/authtest"
)

// hosts sends each request to the provider of its scheme and host.
type hosts map[string]*authtest.Provider

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	if p := h[r.URL.Scheme+"://"+r.URL.Host]; p != nil {
		return p.RoundTrip(r)
	}
	return nil, errors.New("no such host")
}

func fetchFrom(t *testing.T, o JWKSOptions, rt http.RoundTripper) (fetchResult, error) {
	t.Helper()
	j, err := newJWKS(o, newRing(newNumbers(), nil, nil), time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if rt != nil {
		j.client.Transport = rt
	}
	_, result, err := j.fetch(context.Background())
	return result, err
}

func TestRequest(t *testing.T) {
	p := authtest.NewProvider()
	o := JWKSOptions{URL: "https://user:pass@idp.example/keys?x=1", Headers: map[string]string{"x-api-key": "k"}}
	if _, err := fetchFrom(t, o, p); err != nil {
		t.Fatal(err)
	}
	r := p.Last()
	if r.Method != "GET" || r.URL.Path != "/keys" || r.URL.RawQuery != "x=1" {
		t.Errorf("got %s %s, want GET of the whole URL", r.Method, r.URL)
	}
	user, pass, _ := r.BasicAuth()
	for name, pair := range map[string][2]string{
		"Accept":    {r.Header.Get("Accept"), "application/jwk-set+json, application/json"},
		"X-Api-Key": {r.Header.Get("X-Api-Key"), "k"},
		"user":      {user, "user"},
		"password":  {pass, "pass"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
		}
	}
}

func TestRedirects(t *testing.T) {
	const home = "https://idp.example"
	to := func(url string) authtest.Answer { return authtest.Redirect(302, url) }
	tests := []struct {
		name  string
		paths map[string]authtest.Answer // at home
		from  string
		want  fetchResult
	}{
		{"three", map[string]authtest.Answer{"/a": to("/b"), "/b": to("c"), "/c": to(home + "/d"), "/d": authtest.Keys()}, home + "/a", fetchOK},
		{"four", map[string]authtest.Answer{"/a": to("/b"), "/b": to("/c"), "/c": to("/d"), "/d": to("/e"), "/e": authtest.Keys()}, home + "/a", fetchRedirect},
		{"to itself", map[string]authtest.Answer{"/a": to("/a")}, home + "/a", fetchRedirect},
		{"to another host", map[string]authtest.Answer{"/a": to("https://other.example/")}, home + "/a", fetchOK},
		{"from https to http", map[string]authtest.Answer{"/a": to("http://idp.example/b")}, home + "/a", fetchRedirect},
		{"from http to http", map[string]authtest.Answer{"/a": to("http://idp.example/b"), "/b": authtest.Keys()}, "http://idp.example/a", fetchOK},
		{"from http to https", map[string]authtest.Answer{"/a": to(home + "/b"), "/b": authtest.Keys()}, "http://idp.example/a", fetchOK},
		{"up and down again", map[string]authtest.Answer{"/a": to(home + "/b"), "/b": to("http://idp.example/c"), "/c": authtest.Keys()}, "http://idp.example/a", fetchRedirect},
		{"to a file", map[string]authtest.Answer{"/a": to("file:///etc/passwd")}, home + "/a", fetchRedirect},
		{"without a location", map[string]authtest.Answer{"/a": authtest.Status(302)}, home + "/a", fetchRedirect},
		{"307", map[string]authtest.Answer{"/a": authtest.Redirect(307, "/b"), "/b": authtest.Keys()}, home + "/a", fetchOK},
		{"308", map[string]authtest.Answer{"/a": authtest.Redirect(308, "/b"), "/b": authtest.Keys()}, home + "/a", fetchOK},
		{"300", map[string]authtest.Answer{"/a": authtest.Redirect(300, "/b"), "/b": authtest.Keys()}, home + "/a", fetchStatus},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := authtest.NewProvider()
			p.Set(authtest.ByPath(test.paths))
			got, err := fetchFrom(t, JWKSOptions{URL: test.from}, hosts{
				home: p, "http://idp.example": p, "https://other.example": authtest.NewProvider(),
			})
			if got != test.want || (err == nil) != (test.want == fetchOK) {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
		})
	}
}

// Configured headers and the URL's password are for one origin, even where a foreign one
// sends the client back to it.
func TestHeadersStayAtTheOrigin(t *testing.T) {
	const secret = "k-123"
	home, other, port, plain := authtest.NewProvider(), authtest.NewProvider(), authtest.NewProvider(), authtest.NewProvider()
	h := hosts{"https://idp.example": home, "https://sub.idp.example": other, "https://idp.example:8443": port, "http://idp.example": plain}
	tests := []struct {
		name, from, to string
		at             *authtest.Provider
		leaks          bool
	}{
		{"same origin", "https://user:pass@idp.example/a", "/b", home, true},
		{"same origin with its port", "https://user:pass@idp.example/a", "https://IDP.example:443/b", home, true},
		{"sub-domain", "https://user:pass@idp.example/a", "https://sub.idp.example/b", other, false},
		{"other port", "https://user:pass@idp.example/a", "https://idp.example:8443/b", port, false},
		{"other scheme", "http://user:pass@idp.example/a", "https://idp.example/b", home, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			answers := authtest.ByPath(map[string]authtest.Answer{"/a": authtest.Redirect(302, test.to), "/b": authtest.Keys()})
			for _, p := range h {
				p.Set(answers)
			}
			h["https://IDP.example:443"] = home
			o := JWKSOptions{URL: test.from, Headers: map[string]string{"Authorization": secret, "X-Key": secret}}
			if _, err := fetchFrom(t, o, h); err != nil {
				t.Fatal(err)
			}
			got := test.at.Last().Header
			if got.Get("X-Key") == secret != test.leaks || got.Get("Authorization") == secret != test.leaks {
				t.Errorf("got headers %v, want the secret there: %v", got, test.leaks)
			}
			if got.Get("Referer") != "" {
				t.Errorf("got Referer %q, want none", got.Get("Referer"))
			}
		})
	}
	t.Run("away and back", func(t *testing.T) {
		home.Set(authtest.ByPath(map[string]authtest.Answer{"/a": authtest.Redirect(302, "https://sub.idp.example/x"), "/b": authtest.Keys()}))
		other.Set(authtest.Redirect(302, "https://idp.example/b?attacker"))
		o := JWKSOptions{URL: "https://idp.example/a", Headers: map[string]string{"X-Key": secret}}
		if _, err := fetchFrom(t, o, h); err != nil {
			t.Fatal(err)
		}
		if got := home.Last(); got.URL.Path != "/b" || got.Header.Get("X-Key") != "" {
			t.Errorf("back at %s: got headers %v, want no secret", got.URL.Path, got.Header)
		}
	})
}

func TestTLSIsVerified(t *testing.T) {
	p := authtest.NewProvider()
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	server.StartTLS()
	t.Cleanup(server.Close)
	if result, err := fetchFrom(t, JWKSOptions{URL: server.URL}, nil); result != fetchUnreachable || err == nil {
		t.Errorf("unknown authority: got %v, %v; want unreachable", result, err)
	}
	if p.Requests() != 0 {
		t.Errorf("got %d requests before verification, want 0", p.Requests())
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if result, err := fetchFrom(t, JWKSOptions{URL: server.URL, RootCAs: roots}, nil); err != nil {
		t.Errorf("with its authority: got %v, %v; want ok", result, err)
	}
}

// The client itself, over a real connection: proxy by environment, no connection kept.
func TestClient(t *testing.T) {
	j, err := newJWKS(JWKSOptions{URL: authtest.NewProvider().Start(t)}, newRing(newNumbers(), nil, nil), time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.fetch(context.Background()); err != nil {
		t.Errorf("fetch: got %v, want none", err)
	}
	tr := j.client.Transport.(*http.Transport)
	if tr.Proxy == nil || !tr.DisableKeepAlives {
		t.Errorf("got transport %+v, want a proxy function and no keep-alive", tr)
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"https://h/a", "https://H:443/b?c", true},
		{"http://h", "http://h:80", true},
		{"https://h", "http://h", false},
		{"https://h:443", "http://h:443", false},
		{"https://h", "https://h:444", false},
		{"https://h", "https://h.h", false},
		{"https://[::1]", "https://[::1]:443", true},
	}
	for _, test := range tests {
		a, errA := url.Parse(test.a)
		b, errB := url.Parse(test.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := sameOrigin(a, b); got != test.want {
			t.Errorf("%s and %s: got %v, want %v", a, b, got, test.want)
		}
	}
}
