package authtest

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Answer is what an identity provider does with a request.
type Answer = http.HandlerFunc

// Provider is an identity provider that publishes a key set. It is an http.Handler for tests
// with a network, and an http.RoundTripper for those inside a testing/synctest bubble, where
// sockets would stop the clock. It is safe for concurrent use.
type Provider struct {
	mu       sync.Mutex
	answer   Answer
	requests []*http.Request
}

// NewProvider returns a provider that answers with the set of keys.
func NewProvider(keys ...JWK) *Provider {
	return &Provider{answer: Keys(keys...)}
}

// Set changes what the provider answers from now on.
func (p *Provider) Set(a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = a
}

// Requests returns how many requests have come.
func (p *Provider) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

// Last returns the last request; nil where none has come.
func (p *Provider) Last() *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) == 0 {
		return nil
	}
	return p.requests[len(p.requests)-1]
}

// ServeHTTP answers a request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r)
	answer := p.answer
	p.mu.Unlock()
	answer(w, r)
}

// RoundTrip answers a request without a network.
func (p *Provider) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			resp, err = nil, errors.New("connection refused")
		}
	}()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp = w.Result()
	resp.Request = r
	return resp, nil
}

// Start serves p on a loopback address until the test ends, and returns the URL of its set.
func (p *Provider) Start(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL + "/jwks.json"
}

// Keys answers with the set of keys; without any, with the empty set.
func Keys(keys ...JWK) Answer {
	if keys == nil {
		keys = []JWK{}
	}
	return Body(string(marshal(map[string]any{"keys": keys})))
}

// Body answers with a text: a bare key, junk, anything.
func Body(text string) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write([]byte(text))
	}
}

// Junk answers with what a captive portal would.
func Junk() Answer { return Body("<html>please log in</html>") }

// Huge answers with the empty set and as many blanks as make it n bytes long.
func Huge(n int) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		const set = `{"keys":[]`
		_, _ = w.Write([]byte(set))
		blank := bytes.Repeat([]byte{' '}, 64<<10)
		for left := n - len(set) - 1; left > 0; left -= len(blank) {
			if _, err := w.Write(blank[:min(left, len(blank))]); err != nil {
				return
			}
		}
		_, _ = w.Write([]byte("}"))
	}
}

// Status answers with a status and a good body, which nobody should read.
func Status(code int, keys ...JWK) Answer {
	good := Keys(keys...)
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		good(w, r)
	}
}

// Down breaks the connection.
func Down() Answer {
	return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
}

// Slow answers as a does, after d; sooner, with nothing, where the client gives up.
func Slow(d time.Duration, a Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			a(w, r)
		case <-r.Context().Done():
		}
	}
}

// Redirect answers with a redirect to a URL.
func Redirect(code int, to string) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	}
}

// ByPath answers by the request's path; an unknown one with 404.
func ByPath(answers map[string]Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		if a := answers[strings.TrimSuffix(r.URL.Path, "/")]; a != nil {
			a(w, r)
			return
		}
		http.NotFound(w, r)
	}
}
