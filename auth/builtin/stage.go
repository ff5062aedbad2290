package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"

	"mqttward/auth"
)

// Stage knows users by name and password. It is an [auth.Authenticator] and safe for
// concurrent use. It may have workers: Close it when it is replaced.
type Stage struct {
	users   map[string]Hash
	file    *Directory // nil where there is none
	by      IdentifyBy
	token   TokenField
	decoy   Hash    // nil without users
	pool    *pool   // nil where no hash is slow
	proofs  *proofs // likewise
	marker  *auth.Marker
	marks   map[string]auth.Mark // of users
	slow    int                  // how many users have a slow hash
	workers int
}

// New returns a stage that knows o.Users and those of o.File. The error is a [*LoadError] where a user has no
// usable name or no hash, or where a name occurs twice ([ErrDuplicateUser]).
func New(o Options) (*Stage, error) {
	switch {
	case o.IdentifyBy > ClientID:
		return nil, fmt.Errorf("identify users by %d: unknown", o.IdentifyBy)
	case o.Token > TokenInUserName:
		return nil, fmt.Errorf("token field %d: unknown", o.Token)
	case o.Workers < 0 || o.Queue < 0:
		return nil, fmt.Errorf("%d workers and a queue of %d: negative", o.Workers, o.Queue)
	}
	users, err := index(o.Users, o.File)
	if err != nil {
		return nil, err
	}
	s := &Stage{users: users, file: o.File, by: o.IdentifyBy, token: o.Token, marker: o.Marker, marks: map[string]auth.Mark{}}
	s.markUsers()
	usual, slow := s.survey()
	if usual != nil {
		s.decoy = usual.decoy()
	}
	if s.slow = slow; slow > 0 {
		if o.Before != nil {
			s.proofs = o.Before.proofs
		}
		if s.proofs == nil {
			s.proofs = newProofs()
		}
		s.startPool(o)
	}
	return s, nil
}

// survey counts all users, as a census does.
func (s *Stage) survey() (usual Hash, slow int) {
	all := census{}
	for _, h := range s.users {
		all.count(h)
	}
	if s.file != nil {
		for w, users := range s.file.census {
			all.add(w, users)
		}
	}
	return all.survey()
}

func (s *Stage) startPool(o Options) {
	s.workers = o.Workers
	if s.workers == 0 {
		// Not GOMAXPROCS, which a caller may have raised by the workers' number.
		s.workers = min(max(runtime.NumCPU()/2, 1), maxDefaultWorkers)
	}
	queue := o.Queue
	if queue == 0 {
		queue = defaultQueue
	}
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	s.pool = newPool(s.workers, queue, s.proofs, s.slow, log)
}

// Name returns [auth.StageBuiltin].
func (s *Stage) Name() string { return auth.StageBuiltin }

// SlowWorkers is how many threads hash beside those that relay; 0 where no user has a slow
// hash. Add it to GOMAXPROCS, so that hashing takes no P from relaying.
func (s *Stage) SlowWorkers() int { return s.workers }

// Close stops the workers and returns when they have ended, which may take as long as one
// hash. Clients that wait for a slow hash, or come later and need one, are denied with
// [auth.Busy]; who was found right before is still let in. Close may be called more than once.
func (s *Stage) Close() {
	if s.pool != nil {
		s.pool.close()
	}
}

// Authenticate judges c by the table in the package comment. The identity that it proves is
// the user's name. It returns at the latest when ctx ends or after one fast hash.
func (s *Stage) Authenticate(ctx context.Context, c *auth.Credentials) auth.Verdict {
	return s.authenticate(ctx, c, nil)
}

// authenticate judges c, and writes down how, unless t is nil.
func (s *Stage) authenticate(ctx context.Context, c *auth.Credentials, t *auth.Trail) auth.Verdict {
	name := s.name(c)
	if len(name) == 0 {
		if t != nil {
			s.explainNobody(t, c)
		}
		return auth.Ignored() // no user has the empty name: there is nothing to hide
	}
	var password []byte
	if c.HasPassword {
		password = c.Password
	}
	hash, known := s.find(name)
	if t != nil {
		s.explainUser(t, name, hash)
	}
	if !known {
		return s.unknown(ctx, c, name, password)
	}
	// An empty password is never right, and costs the same as any other.
	ok, err := s.verify(ctx, name, hash, password, c.Address)
	if t != nil {
		s.explainPassword(t, c, hash, ok, err)
	}
	switch {
	case err != nil:
		return denied(err)
	case !c.HasPassword:
		return auth.Denied(auth.BadPassword, "no password was sent")
	case len(password) == 0:
		return auth.Denied(auth.BadPassword, "the password is empty")
	case !ok:
		return auth.Denied(auth.BadPassword, "")
	}
	return auth.Accepted(auth.Identity{Name: string(name), Mark: s.mark(name)})
}

// name is what the client's user is found by; empty where it was not sent.
func (s *Stage) name(c *auth.Credentials) []byte {
	switch {
	case s.by == ClientID:
		return c.ClientID
	case c.HasUserName:
		return c.UserName
	}
	return nil
}

// find returns the hash of the user of that name.
func (s *Stage) find(name []byte) (h Hash, known bool) {
	if h, known = s.users[string(name)]; !known && s.file != nil {
		h, known = s.file.lookup(name)
	}
	return h, known
}

// unknown spends the time of a wrong password, where that hides anything, and ignores.
func (s *Stage) unknown(ctx context.Context, c *auth.Credentials, name, password []byte) auth.Verdict {
	if s.decoy == nil || s.hasToken(c) {
		return auth.Ignored()
	}
	if _, err := s.verify(ctx, name, s.decoy, password, c.Address); err != nil {
		if v := denied(err); v.Reason != auth.BadPassword {
			return v
		}
	}
	return auth.Ignored()
}

// hasToken reports whether c has what a later stage would take for a token.
func (s *Stage) hasToken(c *auth.Credentials) bool {
	switch s.token {
	case TokenInPassword:
		return c.HasPassword && auth.IsToken(c.Password)
	case TokenInUserName:
		return c.HasUserName && auth.IsToken(c.UserName)
	}
	return false
}

// verify checks password against the stored hash of name: here, by what is remembered, or in
// the pool. All names take the same path, known or not.
func (s *Stage) verify(ctx context.Context, name []byte, h Hash, password []byte, address netip.Prefix) (bool, error) {
	w := h.work()
	if s.pool == nil || !w.slow() {
		return h.verify(password)
	}
	proof := s.proofs.of(name, h, password)
	if s.proofs.has(proof, s.slow) {
		return true, nil
	}
	return s.pool.verify(&job{ctx: ctx, hash: h, takes: w.takes, password: password, proof: proof, address: address})
}

// denied is the verdict for a password that could not be checked, or can't be right.
func denied(err error) auth.Verdict {
	if u, ok := errors.AsType[unfit](err); ok {
		return auth.Denied(auth.BadPassword, u.Error())
	}
	switch {
	case errors.Is(err, errQueueFull), errors.Is(err, errTooLate), errors.Is(err, errGaveUp), errors.Is(err, errClosed):
		return auth.Denied(auth.Busy, err.Error())
	}
	return auth.Denied(auth.InternalError, err.Error())
}
