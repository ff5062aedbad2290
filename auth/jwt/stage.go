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
// Authenticate waits for the network, or for a lock that is held for longer than a look-up in
// memory takes.
type Stage struct {
	from   Source
	keys   []*key // the secret, then the public keys
	jwks   *jwks  // nil: not configured
	rules  rules
	memory *memory
	// generation is that of keys alone, where no key set is in force.
	generation uint32
	now        func() time.Time
	warnings   []string
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
	var before *memory
	if o.Before != nil {
		before = o.Before.memory
	}
	s.memory = newMemory(o.TokenCache, before)
	r := newRing(s.memory.numbers, o.Marker, s.keys)
	s.generation = r.numbers.generation(s.keys, nil)
	s.warnings = o.warnings()
	if o.JWKS != nil {
		if s.jwks, err = newJWKS(*o.JWKS, r, o.Now, o.Log); err != nil {
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
	return s.authenticate(ctx, c, nil)
}

// authenticate judges the token of c, and writes down how, unless t is nil.
func (s *Stage) authenticate(ctx context.Context, c *auth.Credentials, t *auth.Trail) auth.Verdict {
	raw, sent := s.field(c)
	if t != nil {
		s.explainField(t, raw, sent)
	}
	if len(raw) == 0 || !hasThreeParts(raw) {
		return auth.Ignored()
	}
	if ctx.Err() != nil {
		return auth.Denied(auth.Busy, "")
	}
	now := s.now()
	w := scratches.Get().(*scratch)
	defer w.free()
	p, f := s.prove(ctx, raw, now, w, t)
	if f.is() {
		return auth.Denied(f.reason, f.detail)
	}
	id, f := s.rules.judge(p.payload, c, now, t)
	// One that has expired is let in no more: it is no use to know its key.
	if p.isNews && f.reason != auth.TokenExpired {
		s.memory.accept(p.tag, p.generation, p.key, id.Expires, now)
	}
	if f.is() {
		return auth.Denied(f.reason, f.detail)
	}
	id.Mark = p.mark
	return auth.Accepted(id)
}

// field returns the field that may hold a token, and whether the client sent it.
func (s *Stage) field(c *auth.Credentials) (raw []byte, sent bool) {
	switch {
	case s.from == FromUserName && c.HasUserName:
		return c.UserName, true
	case s.from == FromPassword && c.HasPassword:
		return c.Password, true
	}
	return nil, false
}
