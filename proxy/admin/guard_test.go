package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// newServer returns a server of a proxy that does nothing.
func newServer(t *testing.T, s Settings) *Server {
	t.Helper()
	server := New(Options{
		Recorder: NewRecorder([]string{"mqtt"}),
		State:    func() State { return State{} },
		NotReady: func() []string { return nil },
		Settings: s,
	})
	t.Cleanup(func() { server.Close() })
	return server
}

// get asks for a path at localhost; change may change the request.
func get(s http.Handler, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "localhost:9883"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const token = "0123456789abcdef"

func TestTokenIsWantedForAllButHealth(t *testing.T) {
	s := newServer(t, Settings{Token: []byte(token), Pprof: true})
	header := func(v string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", v) }
	}
	basic := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	for _, path := range []string{"/metrics", "/status", "/status.json", "/status.css", "/", "/nothing", "/debug/pprof/", "/healthz/", "/readyz/x", "//healthz"} {
		for name, change := range map[string]func(*http.Request){
			"none": nil, "empty": header(""), "no token": header("Bearer "), "no blank": header("Bearer" + token),
			"wrong": header("Bearer 0123456789abcdeg"), "cut": header("Bearer " + token[:15]), "longer": header("Bearer " + token + "0"),
			"other scheme": header("Digest " + token), "as user": basic(token, ""), "wrong password": basic("a", "b"),
			"in the query": func(r *http.Request) { r.URL.RawQuery = "token=" + token },
		} {
			w := get(s, path, change)
			if w.Code != http.StatusUnauthorized || len(w.Header()["Www-Authenticate"]) != 2 {
				t.Errorf("%s, %s: got %d %v, want 401 with both schemes", path, name, w.Code, w.Header())
			}
			if strings.Contains(w.Body.String(), token) {
				t.Errorf("%s, %s: the answer has the token", path, name)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := get(s, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s: got %d without a token, want 200", path, w.Code)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"bearer": header("Bearer " + token), "scheme in other case": header("bearer  " + token),
		"basic": basic("", token), "basic with a name": basic("me", token),
	} {
		if w := get(s, "/metrics", change); w.Code != http.StatusOK {
			t.Errorf("%s: got %d, want 200", name, w.Code)
		}
	}
}

func TestOnlyGetIsAnswered(t *testing.T) {
	s := newServer(t, Settings{})
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "get"} {
		for _, path := range []string{"/healthz", "/metrics", "/nothing"} {
			w := get(s, path, func(r *http.Request) { r.Method = method })
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET" {
				t.Errorf("%s %s: got %d, want 405", method, path, w.Code)
			}
		}
	}
}

func TestHostIsChecked(t *testing.T) {
	s := newServer(t, Settings{Hosts: []string{"Ward.Example.Org"}})
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:9883": 200, "localhost.": 200, "127.0.0.1:9883": 200, "[::1]:9883": 200, "::1": 200, "10.1.2.3": 200,
		"ward.example.org": 200, "ward.example.org:80": 200,
		"": 403, ":9883": 403, "evil.example": 403, "evil.example:9883": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403,
		"sub.ward.example.org": 403, "[evil]": 403, "127.1": 403,
	} {
		for _, path := range []string{"/healthz", "/metrics"} {
			if w := get(s, path, func(r *http.Request) { r.Host = host }); w.Code != want {
				t.Errorf("Host %q, %s: got %d, want %d", host, path, w.Code, want)
			}
		}
	}
}

// Every answer, refusals included, tells browsers to do nothing but show it.
func TestEveryAnswerIsSecured(t *testing.T) {
	s := newServer(t, Settings{Token: []byte(token)})
	for _, w := range []*httptest.ResponseRecorder{
		get(s, "/healthz", nil), get(s, "/metrics", nil),
		get(s, "/metrics", func(r *http.Request) { r.SetBasicAuth("", token) }),
		get(s, "/nothing", func(r *http.Request) { r.SetBasicAuth("", token) }),
		get(s, "/healthz", func(r *http.Request) { r.Host = "evil.example" }),
		get(s, "/healthz", func(r *http.Request) { r.Method = "POST" }),
	} {
		h := w.Header()
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'self';") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%d: headers %v", w.Code, h)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d: other origins may read it", w.Code)
		}
	}
}

func TestProfilesBySwitch(t *testing.T) {
	s := newServer(t, Settings{})
	paths := []string{"/debug/pprof/", "/debug/pprof/goroutine", "/debug/pprof/cmdline", "/debug/pprof/symbol"}
	for _, path := range paths {
		if w := get(s, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s without pprof: got %d, want 404", path, w.Code)
		}
	}
	s.Set(Settings{Pprof: true})
	for _, path := range paths {
		if w := get(s, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s with pprof: got %d, want 200", path, w.Code)
		}
	}
}

func TestSettingsChange(t *testing.T) {
	s := newServer(t, Settings{})
	if w := get(s, "/metrics", nil); w.Code != http.StatusOK {
		t.Fatalf("got %d without a token, want 200", w.Code)
	}
	s.Set(Settings{Token: []byte(token)})
	if w := get(s, "/metrics", nil); w.Code != http.StatusUnauthorized {
		t.Fatalf("got %d with a token in force, want 401", w.Code)
	}
}
