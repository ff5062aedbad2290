//go:build unix

package jwt

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

const cacheURL = "https://idp.invalid/jwks"

// cacheFile writes a cache file and returns its path.
func cacheFile(t *testing.T, c cached) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jwks.json")
	if err := writeCache(path, c); err != nil {
		t.Fatal(err)
	}
	return path
}

// restarted is a stage that finds a cache file, during an outage.
func restarted(t *testing.T, o JWKSOptions) (*Stage, *syncBuffer) {
	t.Helper()
	log := new(syncBuffer)
	o.URL = cacheURL
	return newStage(t, Options{JWKS: &o, Log: slog.New(slog.NewTextHandler(log, nil))}), log
}

func TestCacheFileServesARestartInAnOutage(t *testing.T) {
	path := cacheFile(t, cached{cacheURL, now.Add(-time.Hour), setJSON(rsaKey(0).JWK("a"))})
	s, _ := restarted(t, JWKSOptions{CacheFile: path})
	want(t, s, rsaKey(0).SignWith(cachedToken, claims()), auth.Accept, auth.None)
	st, _ := s.JWKSStatus()
	if !st.FromCache || !st.LastSuccess.Equal(now.Add(-time.Hour)) || st.Keys != 1 {
		t.Errorf("got status %+v, want one key, from the cache, an hour old", st)
	}
}

func TestCacheFileIsWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "jwks.json")
	old := syscall.Umask(0) // the mode must not depend on it
	defer syscall.Umask(old)
	if err := os.WriteFile(path, []byte("an old one"), 0o666); err != nil {
		t.Fatal(err)
	}
	s, log := restarted(t, JWKSOptions{CacheFile: path})
	if !strings.Contains(log.String(), "group or others") {
		t.Errorf("mode 0666: got log %q, want a warning", log)
	}
	for _, keys := range [][]authtest.JWK{{rsaKey(1).JWK("b")}, {rsaKey(0).JWK("<a&b>").With("kid", "a")}} {
		s.jwks.client.Transport = authtest.NewProvider(keys...)
		if !s.jwks.refresh(context.Background()) {
			t.Fatal("the set could not be fetched")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v (%v), want 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v (%v), want the cache file alone", entries, err)
	}
	next, _ := restarted(t, JWKSOptions{CacheFile: path})
	want(t, next, rsaKey(0).SignWith(cachedToken, claims()), auth.Accept, auth.None)
	// A failed fetch leaves it alone.
	before, _ := os.ReadFile(path)
	s.jwks.client.Transport = authtest.NewProvider()
	s.jwks.client.Transport.(*authtest.Provider).Set(authtest.Junk())
	s.jwks.refresh(context.Background())
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("after junk: got another file %q, want %q", after, before)
	}
}

func TestUnusableCacheFileWarnsAndIsIgnored(t *testing.T) {
	keys := setJSON(rsaKey(0).JWK("a"))
	good, err := json.Marshal(cached{cacheURL, now, keys})
	if err != nil {
		t.Fatal(err)
	}
	raw := func(text string, mode os.FileMode) func(path string) error {
		return func(path string) error {
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				return err
			}
			return os.Chmod(path, mode)
		}
	}
	c := func(c cached) func(path string) error {
		return func(path string) error { return writeCache(path, c) }
	}
	for name, write := range map[string]func(path string) error{
		"junk":          raw("junk", 0o600),
		"empty":         raw("", 0o600),
		"cut":           raw(string(good[:len(good)-5]), 0o600),
		"a bare set":    raw(string(keys), 0o600),
		"group writes":  raw(string(good), 0o620),
		"others write":  raw(string(good), 0o602),
		"another URL":   c(cached{cacheURL + "/", now, keys}),
		"no time":       c(cached{cacheURL, time.Time{}, keys}),
		"no set":        c(cached{cacheURL, now, json.RawMessage(`{}`)}),
		"bare key":      c(cached{cacheURL, now, json.RawMessage(`{"kty":"RSA"}`)}),
		"too long":      raw(string(good)+strings.Repeat(" ", maxCacheBytes), 0o600),
		"a folder":      func(path string) error { return os.Mkdir(path, 0o700) },
		"a pipe":        func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"others' write": raw(string(good), 0o646),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jwks.json")
			if err := write(path); err != nil {
				t.Fatal(err)
			}
			s, log := restarted(t, JWKSOptions{CacheFile: path})
			want(t, s, rsaKey(0).SignWith(cachedToken, claims()), auth.Deny, auth.KeysUnavailable)
			if !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("got log %q, want a warning", log)
			}
		})
	}
	t.Run("readable by all", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jwks.json")
		if err := raw(string(good), 0o644)(path); err != nil {
			t.Fatal(err)
		}
		s, _ := restarted(t, JWKSOptions{CacheFile: path})
		want(t, s, rsaKey(0).SignWith(cachedToken, claims()), auth.Accept, auth.None)
	})
	t.Run("absent", func(t *testing.T) {
		_, log := restarted(t, JWKSOptions{CacheFile: filepath.Join(t.TempDir(), "jwks.json")})
		if log.String() != "" {
			t.Errorf("got log %q, want none", log)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give files away")
		}
		path := cacheFile(t, cached{cacheURL, now, keys})
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		s, log := restarted(t, JWKSOptions{CacheFile: path})
		want(t, s, rsaKey(0).SignWith(cachedToken, claims()), auth.Deny, auth.KeysUnavailable)
		if !strings.Contains(log.String(), "another user") {
			t.Errorf("got log %q, want a warning", log)
		}
	})
}

func TestMaxStaleCountsFromTheCachedFetch(t *testing.T) {
	token := rsaKey(0).SignWith(cachedToken, claims())
	for age, reason := range map[time.Duration]auth.Reason{
		time.Hour:            auth.None,
		time.Hour + 1:        auth.KeysUnavailable,
		-24 * time.Hour:      auth.None, // the clock was set back
		365 * 24 * time.Hour: auth.KeysUnavailable,
	} {
		path := cacheFile(t, cached{cacheURL, now.Add(-age), setJSON(rsaKey(0).JWK("a"))})
		s, _ := restarted(t, JWKSOptions{CacheFile: path, MaxStale: time.Hour})
		v := s.Authenticate(context.Background(), withPassword(token))
		if v.Reason != reason {
			t.Errorf("age %v: got %v, want %v", age, v.Reason, reason)
		}
		if st, _ := s.JWKSStatus(); st.LastSuccess.After(now) {
			t.Errorf("age %v: got last success %v, want none in the future", age, st.LastSuccess)
		}
	}
}

func TestCacheFileThatCannotBeWrittenIsToldOnce(t *testing.T) {
	s, log := restarted(t, JWKSOptions{CacheFile: filepath.Join(t.TempDir(), "gone", "jwks.json")})
	s.jwks.client.Transport = authtest.NewProvider(rsaKey(0).JWK("a"))
	for range 3 {
		if !s.jwks.refresh(context.Background()) {
			t.Error("refresh: got false, want the keys in force all the same")
		}
	}
	if n := strings.Count(log.String(), "level=WARN"); n != 1 {
		t.Errorf("got %d warnings, want 1:\n%s", n, log)
	}
}
