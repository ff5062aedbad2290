package jwt

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// succeed runs a stage that takes the place of l, with a key set as o has it, for as long as f.
func (l *life) succeed(o JWKSOptions, f func(next *life)) {
	l.t.Helper()
	next := &life{t: l.t, idp: authtest.NewProvider(), log: new(syncBuffer)}
	next.idp.Set(authtest.Down())
	next.Stage = newStage(l.t, Options{JWKS: &o, Now: time.Now, Before: l.Stage})
	next.jwks.client.Transport = next.idp
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan struct{})
	go func() { next.Run(ctx); close(done) }()
	synctest.Wait()
	f(next)
	cancel()
	<-done
}

func TestKeysAreHandedOn(t *testing.T) {
	const url = "https://idp.invalid/jwks"
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.after(time.Minute)
		// An unknown kid asks at once, as ever.
		l.succeed(JWKSOptions{URL: url}, func(next *life) {
			next.judges("b", rsaKey(1), auth.UnknownKid)
			next.after(0)
			next.requests("after an unknown kid", 1)
		})
		l.succeed(JWKSOptions{URL: url}, func(next *life) {
			next.judges("a", rsaKey(0), auth.None)
			next.requests("while the keys are fresh", 0)
			next.after(3 * time.Minute)
			next.requests("four minutes after the fetch", 0)
			next.after(time.Minute)
			next.requests("five minutes after it", 1)
			next.judges("a", rsaKey(0), auth.None)
		})
		l.succeed(JWKSOptions{URL: url + "2"}, func(next *life) {
			next.requests("for another URL", 1)
			// A token that no key is there for asks at once too.
			next.judges("a", rsaKey(0), auth.KeysUnavailable)
			next.after(0)
			next.requests("after a token", 2)
		})
	})
}

// Keys that are handed on are no younger for it: jwks_max_stale counts from their fetch.
func TestKeysThatAreHandedOnStillLapse(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.idp.Set(authtest.Down())
		l.after(50 * time.Minute)
		l.succeed(JWKSOptions{URL: "https://idp.invalid/jwks", MaxStale: time.Hour}, func(next *life) {
			next.judges("a", rsaKey(0), auth.None)
			next.after(11 * time.Minute)
			next.judges("a", rsaKey(0), auth.KeysUnavailable)
		})
	})
}

func TestRotationAndRecoveryAreLogged(t *testing.T) {
	live(t, JWKSOptions{}, authtest.Keys(rsaKey(0).JWK("a")), func(l *life) {
		l.idp.Set(authtest.Down())
		l.after(6 * time.Minute)
		l.idp.Set(authtest.Keys(rsaKey(1).JWK("b"))) // as many keys as before
		l.after(6 * time.Minute)
		for _, want := range []string{"kids=[a]", "kids=[b]", "jwks fetch works again"} {
			if !strings.Contains(l.log.String(), want) {
				t.Errorf("nothing of %q in the log:\n%s", want, l.log)
			}
		}
	})
}
