package jwt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mqttward/auth"
)

// Stage judges tokens. It is an [auth.Authenticator], safe for concurrent use. Nothing in
// Authenticate waits: neither for the network nor for a lock.
type Stage struct {
	from     Source
	keys     []*key // the secret, then the public keys
	jwks     *jwks  // nil: not configured
	rules    rules
	now      func() time.Time
	warnings []string
}

// New returns the stage that o describes. It fails where no key is configured, and where one
// is that can't be used; the error begins with the key of the configuration. It loads the
// key set's cache file, and uses no network: that is Run's part.
func New(o Options) (*Stage, error) {
	if len(o.Secret) == 0 && len(o.PublicKeyPEM) == 0 && o.JWKS == nil {
		return nil, errors.New("auth.jwt: no secret, no public_key_file and no jwks_url")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Stage{from: o.From, now: o.Now}
	var err error
	if s.rules, err = newRules(&o); err != nil {
		return nil, err
	}
	if len(o.Secret) > 0 {
		k, err := newSecretKey(o.Secret)
		if err != nil {
			return nil, fmt.Errorf("auth.jwt.secret: %w", err)
		}
		s.keys = append(s.keys, k)
	}
	if len(o.PublicKeyPEM) > 0 {
		keys, err := parsePublicKeys(o.PublicKeyPEM)
		if err != nil {
			return nil, fmt.Errorf("auth.jwt.public_key_file: %w", err)
		}
		s.keys = append(s.keys, keys...)
	}
	s.warnings = o.warnings()
	if o.JWKS != nil {
		if s.jwks, err = newJWKS(*o.JWKS, o.Now, o.Log); err != nil {
			return nil, err
		}
		if o.Before != nil && o.Before.jwks != nil {
			s.jwks.inherit(o.Before.jwks)
		}
		s.warnings = append(s.warnings, s.jwks.warnings()...)
	}
	return s, nil
}

// Name returns [auth.StageJWT].
func (s *Stage) Name() string { return auth.StageJWT }

// Warnings returns what is configured and may be a mistake: one sentence each, beginning
// with the key of the configuration.
func (s *Stage) Warnings() []string { return s.warnings }

// Run keeps the key set fresh until ctx ends; without one it returns at once. It is called
// once, and leaves no goroutine and no connection behind.
func (s *Stage) Run(ctx context.Context) {
	if s.jwks != nil {
		s.jwks.run(ctx)
	}
}

// JWKSStatus returns the state of the key set, and false where none is configured.
func (s *Stage) JWKSStatus() (JWKSStatus, bool) {
	if s.jwks == nil {
		return JWKSStatus{}, false
	}
	return s.jwks.status(), true
}

// Authenticate judges the token of c. It ignores clients without one.
func (s *Stage) Authenticate(ctx context.Context, c *auth.Credentials) auth.Verdict {
	raw := s.field(c)
	if len(raw) == 0 || !hasThreeParts(raw) {
		return auth.Ignored()
	}
	if ctx.Err() != nil {
		return auth.Denied(auth.Busy, "")
	}
	now := s.now()
	t, f := parseToken(raw)
	if !f.is() {
		f = s.verify(ctx, &t, now)
	}
	if f.is() {
		return auth.Denied(f.reason, f.detail)
	}
	id, f := s.rules.judge(t.payload, c, now)
	if f.is() {
		return auth.Denied(f.reason, f.detail)
	}
	return auth.Accepted(id)
}

// field returns the field that may hold a token; empty where the client did not send it.
func (s *Stage) field(c *auth.Credentials) []byte {
	switch {
	case s.from == FromUserName && c.HasUserName:
		return c.UserName
	case s.from == FromPassword && c.HasPassword:
		return c.Password
	}
	return nil
}

// verify looks for a key that verifies t's signature: the secret, the public keys, then the
// key set's. There is no fault where one does.
func (s *Stage) verify(ctx context.Context, t *token, now time.Time) fault {
	signed := string(t.signed)
	ok, tried, f := tryKeys(ctx, s.keys, len(s.keys), t, signed)
	if ok || f.is() {
		return f
	}
	// A key set holds public keys only.
	if s.jwks == nil || t.alg.kind == kindSecret {
		if tried == 0 {
			return faultf(auth.BadSignature, "no key is configured for %s", t.alg.name)
		}
		return fault{auth.BadSignature, ""}
	}
	set := s.jwks.current(now)
	if set == nil {
		s.jwks.ask()
		if tried == 0 {
			return fault{auth.KeysUnavailable, ""}
		}
		return fault{auth.BadSignature, "the key set is not available"}
	}
	candidates, known := set.candidates(t)
	if !known {
		s.jwks.ask()
		return faultf(auth.UnknownKid, "kid %q", auth.Display(t.kid))
	}
	ok, inSet, f := tryKeys(ctx, candidates, maxCandidates, t, signed)
	switch {
	case ok || f.is():
		return f
	case inSet == maxCandidates:
		return faultf(auth.BadSignature, "none of the first %d keys that fit; a kid would tell which", maxCandidates)
	case inSet+tried == 0:
		return faultf(auth.BadSignature, "no key fits %s", t.alg.name)
	}
	return fault{auth.BadSignature, ""}
}

// tryKeys tries those of keys that fit t, up to limit of them, and says how many it tried. The
// fault is that ctx has ended.
func tryKeys(ctx context.Context, keys []*key, limit int, t *token, signed string) (ok bool, tried int, f fault) {
	for _, k := range keys {
		if !k.fits(t.alg) {
			continue
		}
		if tried == limit {
			break
		}
		if ctx.Err() != nil {
			return false, tried, fault{auth.Busy, ""}
		}
		tried++
		if k.verifies(t.alg, signed, t.signature) {
			return true, tried, fault{}
		}
	}
	return false, tried, fault{}
}
