package jwt

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// life is a stage with a key set and its provider inside a synctest bubble.
type life struct {
	*Stage
	t   *testing.T
	idp *authtest.Provider
	log *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// live runs f in a bubble with a running stage, and ends the stage after it.
func live(t *testing.T, o JWKSOptions, first authtest.Answer, f func(l *life)) {
	synctest.Test(t, func(t *testing.T) {
		l := &life{t: t, idp: authtest.NewProvider(), log: new(syncBuffer)}
		l.idp.Set(first)
		if o.URL == "" {
			o.URL = "https://idp.invalid/jwks"
		}
		l.Stage = newStage(t, Options{JWKS: &o, Now: time.Now, Log: slog.New(slog.NewTextHandler(l.log, nil))})
		l.jwks.client.Transport = l.idp
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.Run(ctx); close(done) }()
		synctest.Wait()
		f(l)
		cancel()
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("Run has not returned after its context ended")
		}
	})
}

// after lets d pass.
func (l *life) after(d time.Duration) {
	time.Sleep(d) // the bubble's clock
	synctest.Wait()
}

func (l *life) requests(when string, want int) {
	l.t.Helper()
	if got := l.idp.Requests(); got != want {
		l.t.Errorf("%s: got %d requests, want %d", when, got, want)
	}
}

func (l *life) judges(kid string, key *authtest.Signer, want auth.Reason) {
	l.t.Helper()
	begin := time.Now()
	v := l.Authenticate(context.Background(), withPassword(key.SignWith(map[string]any{"kid": kid}, claims())))
	if v.Reason != want || (v.Decision == auth.Accept) != (want == auth.None) {
		l.t.Errorf("kid %q: got %v %v (%s), want reason %v", kid, v.Decision, v.Reason, v.Detail, want)
	}
	if waited := time.Since(begin); waited != 0 {
		l.t.Errorf("kid %q: Authenticate waited for %v", kid, waited)
	}
}

func rsaKey(n int) *authtest.Signer { return authtest.NewSigner("RS256", n) }

func TestRefreshInterval(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.requests("at start", 1)
		l.judges("a", rsaKey(0), auth.None)
		l.after(5*time.Minute - 1)
		l.requests("before the interval has passed", 1)
		l.after(30*time.Second + 1)
		l.requests("after the interval and its tenth", 2)
	})
}

func TestDownAtStart(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Down(), func(l *life) {
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		l.after(0)
		l.requests("which a token has asked for", 2)
		st, _ := l.JWKSStatus()
		if st.Usable || !st.LastSuccess.IsZero() {
			t.Errorf("got status %+v, want nothing loaded", st)
		}
		l.idp.Set(authtest.Keys(rsaKey(0).JWK("a")))
		l.after(2200 * time.Millisecond) // the second retry
		l.judges("a", rsaKey(0), auth.None)
	})
}

func TestRetriesBackOff(t *testing.T) {
	live(t, JWKSOptions{RefreshInterval: time.Minute}, authtest.Down(), func(l *life) {
		l.after(time.Hour)
		// 1, 2, 4, 8, 16, 32 seconds and then every minute: about 64 in an hour.
		if n := l.idp.Requests(); n < 55 || n > 70 {
			t.Errorf("got %d requests in an hour of outage, want about 64", n)
		}
	})
}

func TestKeysStayInForceDuringAnOutage(t *testing.T) {
	for name, outage := range map[string]authtest.Answer{
		"down":      authtest.Down(),
		"status":    authtest.Status(500, rsaKey(1).JWK("b")),
		"no status": authtest.Status(204),
		"cached":    authtest.Status(304),
		"junk":      authtest.Junk(),
		"bare key":  authtest.Body(`{"kty":"RSA"}`),
		"slow":      authtest.Slow(time.Minute, authtest.Keys()),
		"huge":      authtest.Huge(maxSetBytes + 1),
		"redirects": authtest.Redirect(302, "https://idp.invalid/jwks"),
	} {
		t.Run(name, func(t *testing.T) {
			live(t, JWKSOptions{RefreshInterval: time.Hour}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
				l.idp.Set(outage)
				l.after(24 * time.Hour)
				l.judges("a", rsaKey(0), auth.None)
				l.judges("b", rsaKey(1), auth.UnknownKid)
				l.idp.Set(authtest.Keys(rsaKey(1).JWK("b")))
				l.after(67 * time.Minute)
				l.judges("b", rsaKey(1), auth.None)
			})
		})
	}
}

func TestAnswerOfExactlyTheLimit(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Huge(maxSetBytes), func(l *life) {
		l.judges("a", rsaKey(0), auth.UnknownKid) // loaded, and empty
	})
}

func TestRotation(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.judges("b", rsaKey(1), auth.UnknownKid)
		l.idp.Set(authtest.Keys(rsaKey(1).JWK("b")))
		l.after(6 * time.Minute)
		l.judges("b", rsaKey(1), auth.None)
		l.judges("a", rsaKey(0), auth.UnknownKid)
		l.idp.Set(authtest.Keys())
		l.after(6 * time.Minute)
		l.judges("b", rsaKey(1), auth.UnknownKid)
	})
}

func TestUnknownKidFetchesOncePerMinRefetch(t *testing.T) {
	live(t, JWKSOptions{RefreshInterval: 10 * time.Minute}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.idp.Set(authtest.Keys(rsaKey(0).JWK("a"), rsaKey(1).JWK("b")))
		l.judges("b", rsaKey(1), auth.UnknownKid) // refused at once
		l.after(0)
		l.requests("after the first unknown kid", 2)
		l.judges("b", rsaKey(1), auth.None)
		for range 29 {
			for i := range 5 {
				l.judges(fmt.Sprint("guess", i), rsaKey(2), auth.UnknownKid)
			}
			l.after(time.Second)
		}
		l.requests("29 seconds later", 2)
		l.after(time.Second)
		l.requests("30 seconds later", 3) // the question was remembered
		l.after(5 * time.Minute)
		l.requests("when nobody asks", 3)
		// What is not for the set's keys does not ask.
		l.judges("c", authtest.NewSigner("HS256", 0), auth.BadSignature)
		l.judges("a", rsaKey(2), auth.BadSignature)
		l.after(0)
		l.requests("after tokens that no new key could help", 3)
	})
}

func TestUnavailableKeysAskForAFetch(t *testing.T) {
	live(t, JWKSOptions{RefreshInterval: time.Hour}, authtest.Down(), func(l *life) {
		l.after(3 * time.Hour) // the wait is an hour by now
		l.idp.Set(authtest.Keys(rsaKey(0).JWK("a")))
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		l.after(0)
		l.judges("a", rsaKey(0), auth.None)
	})
}

func TestSlowServerNeverDelaysAuthenticate(t *testing.T) {
	slow := authtest.Slow(4*time.Second, authtest.Keys(rsaKey(0).JWK("a")))
	live(t, JWKSOptions{}, slow, func(l *life) {
		for range 4 {
			l.judges("a", rsaKey(0), auth.KeysUnavailable) // checks that no time passes
			l.after(time.Second)
		}
		l.judges("a", rsaKey(0), auth.None)
		l.requests("after the slow answer", 1)
	})
}

func TestFetchTimeout(t *testing.T) {
	slow := authtest.Slow(time.Hour, authtest.Keys())
	live(t, JWKSOptions{Timeout: 2 * time.Second}, slow, func(l *life) {
		l.after(2 * time.Second)
		if got := l.fetchCount("timeout"); got != 1 {
			t.Errorf("after the timeout: got %d timeouts, want 1", got)
		}
	})
}

func (l *life) fetchCount(result string) uint64 {
	st, _ := l.JWKSStatus()
	for _, c := range st.Fetches {
		if c.Result == result {
			return c.Count
		}
	}
	l.t.Errorf("no result %q in %v", result, st.Fetches)
	return 0
}

func TestMaxStale(t *testing.T) {
	live(t, JWKSOptions{MaxStale: time.Hour}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.idp.Set(authtest.Down())
		l.after(time.Hour)
		l.judges("a", rsaKey(0), auth.None)
		l.after(1)
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		if st, _ := l.JWKSStatus(); st.Usable || st.Keys != 1 {
			t.Errorf("got status %+v, want one key and not usable", st)
		}
		l.after(30 * time.Second) // until what this token asked for may be asked again
		l.idp.Set(authtest.Keys(rsaKey(0).JWK("a")))
		l.judges("a", rsaKey(0), auth.KeysUnavailable)
		l.after(0)
		l.judges("a", rsaKey(0), auth.None)
	})
}

func TestPassedKeysAreToldOnce(t *testing.T) {
	bad, worse := rsaKey(0).JWK("bad").With("use", "enc"), rsaKey(0).JWK("worse").With("kty", "x")
	live(t, JWKSOptions{}, authtest.Keys(bad, rsaKey(1).JWK("a")), func(l *life) {
		l.after(time.Hour)
		count := func(kid string) int { return strings.Count(l.log.String(), "kid="+kid) }
		if count("bad") != 1 {
			t.Errorf("after an hour of refreshes: got %d warnings, want 1:\n%s", count("bad"), l.log)
		}
		l.idp.Set(authtest.Keys(worse, bad))
		l.after(time.Hour)
		if count("bad") != 1 || count("worse") != 1 {
			t.Errorf("another key: got %d and %d warnings, want 1 and 1", count("bad"), count("worse"))
		}
		l.idp.Set(authtest.Keys())
		l.after(time.Hour)
		l.idp.Set(authtest.Keys(bad))
		l.after(time.Hour)
		if count("bad") != 2 {
			t.Errorf("gone and back again: got %d warnings, want 2", count("bad"))
		}
	})
}

func TestStatus(t *testing.T) {
	if _, ok := newStage(t, Options{Secret: []byte(authtest.SampleSecret)}).JWKSStatus(); ok {
		t.Error("no key set configured: got a status, want none")
	}
	o := JWKSOptions{URL: "https://user:pass@idp.invalid/keys?token=secret"}
	live(t, o, authtest.Keys(rsaKey(0).JWK("a"), rsaKey(0).JWK("b").With("use", "enc")), func(l *life) {
		st, _ := l.JWKSStatus()
		if st.Keys != 1 || st.PassedOver != 1 || !st.Usable || st.FromCache || !st.LastSuccess.Equal(time.Now()) {
			t.Errorf("got %+v, want one key, one passed over, fetched now", st)
		}
		if st.URL != "https://idp.invalid/keys" {
			t.Errorf("got URL %q, want it without secrets", st.URL)
		}
		for result, answer := range map[string]authtest.Answer{
			"unreachable": authtest.Down(), "status": authtest.Status(404), "malformed": authtest.Junk(),
			"too_large": authtest.Huge(maxSetBytes + 1), "redirect": authtest.Redirect(301, "http://idp.invalid/"),
			"timeout": authtest.Slow(time.Hour, nil),
		} {
			before := l.fetchCount(result)
			l.idp.Set(answer)
			l.after(10 * time.Minute)
			if l.fetchCount(result) == before {
				t.Errorf("%s: not counted in %+v", result, st.Fetches)
			}
		}
		if ok := l.fetchCount("ok"); ok != 1 {
			t.Errorf("got %d good fetches, want 1", ok)
		}
		for _, secret := range []string{"pass", "secret"} {
			if strings.Contains(l.log.String(), secret+"@") || strings.Contains(l.log.String(), "token=") {
				t.Errorf("the log holds a secret of the URL:\n%s", l.log)
			}
		}
	})
}

func TestRunEndsDuringAFetch(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Slow(time.Hour, authtest.Keys()), func(l *life) {
		l.requests("at start", 1)
	}) // live checks that Run returns
}

func TestRunWithoutJWKSReturns(t *testing.T) {
	newStage(t, Options{Secret: []byte(authtest.SampleSecret)}).Run(context.Background())
}

// Readers see one set or the other, and the race detector sees nothing.
func TestConcurrentReaders(t *testing.T) {
	idp := authtest.NewProvider(rsaKey(0).JWK("a"))
	url := idp.Start(t)
	s := newStage(t, Options{JWKS: &JWKSOptions{URL: url}, Now: time.Now})
	ctx, cancel := context.WithCancel(context.Background())
	var fetcher, wg sync.WaitGroup
	fetcher.Go(func() { s.Run(ctx) })
	token := rsaKey(0).SignWith(map[string]any{"kid": "a"}, claims())
	for range 4 {
		wg.Go(func() {
			for range 50 {
				v := s.Authenticate(context.Background(), withPassword(token))
				if v.Decision != auth.Accept && v.Reason != auth.KeysUnavailable {
					t.Errorf("got %v %v, want accept or keys_unavailable", v.Decision, v.Reason)
				}
				s.JWKSStatus()
				s.jwks.ask()
			}
		})
	}
	for range 20 {
		set, err := parseKeySet(setJSON(rsaKey(0).JWK("a")))
		if err != nil {
			t.Fatal(err)
		}
		set.fetched = time.Now()
		s.jwks.set.Store(set)
	}
	wg.Wait()
	cancel()
	fetcher.Wait()
}
