package builtin

import (
	"context"

	"mqttward/auth"
)

// Explain is Authenticate, and tells how.
func (s *Stage) Explain(ctx context.Context, c *auth.Credentials, t *auth.Trail) auth.Verdict {
	return s.authenticate(ctx, c, t)
}

// what is what users are found by.
func (s *Stage) what() string {
	if s.by == ClientID {
		return "client id"
	}
	return "user name"
}

// explainNobody tells that the client has no name.
func (s *Stage) explainNobody(t *auth.Trail, c *auth.Credentials) {
	if s.by == UserName && !c.HasUserName {
		t.Note(auth.AboutUser, "no user name was sent")
		return
	}
	t.Note(auth.AboutUser, "the %s is empty: no user has it", s.what())
}

// explainUser tells whether there is a user of that name; hash is nil where there is none.
func (s *Stage) explainUser(t *auth.Trail, name []byte, hash Hash) {
	if hash == nil {
		t.Note(auth.AboutUser, "no user has the %s %s", s.what(), auth.Quote(name))
		return
	}
	t.Holds(auth.AboutUser, "the %s %s is a user's, whose password is kept as %s", s.what(), auth.Quote(name), hash.Algorithm())
}

// explainPassword tells what came of comparing the password of a known user.
func (s *Stage) explainPassword(t *auth.Trail, c *auth.Credentials, hash Hash, ok bool, err error) {
	switch {
	case err != nil:
		t.Fails(auth.AboutPassword, "%v", err)
	case !c.HasPassword:
		t.Fails(auth.AboutPassword, "no password was sent")
	case len(c.Password) == 0:
		t.Fails(auth.AboutPassword, "the password is empty, which is never right")
	case ok:
		t.Holds(auth.AboutPassword, "the password is right")
	default:
		t.Fails(auth.AboutPassword, "the password is wrong")
		explainKept(t, hash)
	}
	if !ok && c.HasPassword {
		s.explainMistake(t, c)
	}
}

// explainKept tells how a hash of EMQX is kept, which its file doesn't say and the configuration
// may say wrong: then no password at all is right.
func explainKept(t *auth.Trail, hash Hash) {
	const hint = "where this is so of all users that came from EMQX, these are not the settings that EMQX has"
	switch h := hash.(type) {
	case *saltedHash:
		t.Note(auth.AboutPassword, "it was compared as algorithm %q with salt_position %q: %s", h.digest, saltPositions[h.position], hint)
	case *derivedHash:
		t.Note(auth.AboutPassword, "it was compared as algorithm \"pbkdf2\" with pbkdf2_mac %q, pbkdf2_iterations %d and pbkdf2_dk_length %d: %s", h.digest, h.iterations, len(h.sum), hint)
	}
}

// explainMistake looks for what people get wrong, by the shape of the password alone.
func (s *Stage) explainMistake(t *auth.Trail, c *auth.Credentials) {
	if s.token == TokenInPassword && auth.IsToken(c.Password) {
		t.Note(auth.AboutPassword, "it is a token: whoever has a built-in user's name needs that user's password, tokens are for other names")
	}
	if n := len(c.Password); n > 0 {
		switch c.Password[n-1] {
		case '\n', '\r':
			t.Note(auth.AboutPassword, "it ends with a line end")
		case ' ', '\t':
			t.Note(auth.AboutPassword, "it ends with a blank")
		}
	}
}
