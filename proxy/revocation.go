package proxy

import (
	"log/slog"
	"time"

	"mqttward/auth"
	"mqttward/proxy/relay"
	"mqttward/proxy/secure"
)

// A session rests on the user or the key that let its client in, and on the certificate that this
// showed. Where one of them is taken back, the session can be ended: an MQTT 5.0 client gets
// DISCONNECT 0x98 at a packet boundary, where one comes within a second [MQTT5 3.14.2.1], and the
// broker sees a plain end, and publishes the will.
//
// Whoever is anonymous rests on no user and no key, and so does whoever was observed when it came,
// whatever its listener does by now: a session of theirs is revoked for its certificate alone, which
// nobody is let in without who has to show one.

// Revocation says which sessions may not go on. Its fields must not change once it is in force.
type Revocation struct {
	// Standing tells what became of the user or key that a mark stands for. It is called by many
	// goroutines at once, and must return at once. Nil means that all stand.
	Standing func(auth.Mark) auth.Standing
	// Lists are what authorities have revoked, by the name of the listener that takes certificates
	// of theirs. A session ends where its client's is on one; that none can tell, as a list is too
	// old, ends nobody. Of a listener that is not in it all go on.
	Lists map[string]*secure.Revocations
	// Over is the time over which those sessions end whose mark is withdrawn, evenly, as in
	// [Drain]. Whose mark stands again when its turn comes goes on. So do those whose certificate is
	// revoked, but 20 of them a second at least: a list names those that are meant, and a few of
	// them are no fleet that comes back. Zero ends them at once.
	Over time.Duration
}

// listedEvery is how much longer it may take for each certificate that is revoked until all of their
// sessions end.
const listedEvery = time.Second / 20

// Revoked are how many sessions of a [Revocation] end at once, and how many in good time.
type Revoked struct{ Now, Later int }

// Revoke ends the sessions that r says may not go on. It looks at each, and at those once more that
// were judged before and begin afterwards; so call it after SetPolicy, and whenever Standing may
// have changed. It does not wait for the endings. When the server drains it does nothing.
func (s *Server) Revoke(r Revocation) Revoked {
	s.mu.Lock() // so that Close waits for what begins here
	defer s.mu.Unlock()
	if s.draining.Err() != nil {
		return Revoked{}
	}
	s.revocation.Store(&r) // before the sessions are listed: who begins later looks by itself
	if r.Standing == nil && len(r.Lists) == 0 {
		return Revoked{}
	}
	sessions, _ := s.roster.live()
	n, withdrawn, listed := 0, sessions[:0], []*session(nil)
	for _, session := range sessions {
		standing, certificate := session.standing(&r), session.listed(&r) != nil
		switch {
		case standing == auth.Gone:
			session.revoke()
			n++
		case standing == auth.Stands && !certificate:
		case !session.leaving.CompareAndSwap(false, true): // its turn is coming
		case certificate:
			listed = append(listed, session)
		default:
			withdrawn = append(withdrawn, session)
		}
	}
	clear(sessions[len(withdrawn):]) // they are to be forgotten as they end
	s.endLater(withdrawn, r.Over)
	s.endLater(listed, min(r.Over, time.Duration(len(listed))*listedEvery))
	return Revoked{Now: n, Later: len(withdrawn) + len(listed)}
}

// endLater ends sessions evenly, those that still have to go then.
func (s *Server) endLater(sessions []*session, over time.Duration) {
	if len(sessions) > 0 {
		s.goroutines.Go(func() { endEvenly(s.draining, sessions, Drain{Over: over}, (*session).leave) })
	}
}

// inForce returns the policy that is in force, and the revocation that was before it: whoever is judged
// by a policy of before a revocation must not be taken for one who has seen that.
func (s *Server) inForce() (*Policy, *Revocation) {
	revocation := s.revocation.Load() // first: a new one follows its policy
	return s.policy.Load(), revocation
}

// mark is what the session of c rests on.
func (c *connection) mark() auth.Mark {
	if c.observed {
		return 0
	}
	return c.verdict.Identity.Mark
}

// recheck looks at a session that has begun, whose client was judged before the last revocation:
// that has not seen it.
func (c *connection) recheck(s *session) {
	if c.srv.revocation.Load() != c.revocation && !s.spared() {
		s.revoke()
	}
}

// standing is what became of the user or the key that the session rests on.
func (s *session) standing(r *Revocation) auth.Standing {
	if s.mark == 0 || r.Standing == nil {
		return auth.Stands
	}
	return r.Standing(s.mark)
}

// leave ends a session whose turn has come, if it still has to go. Whoever goes stays marked as
// leaving: it is on the roster until it has ended, and is not to be counted again.
func (s *session) leave() {
	if s.spared() {
		s.leaving.Store(false)
		// Who said in between that it goes took it that its turn was still to come.
		if s.spared() || !s.leaving.CompareAndSwap(false, true) {
			return
		}
	}
	s.revoke()
}

// listed returns an error where the certificate that the session rests on is revoked.
func (s *session) listed(r *Revocation) error {
	lists := r.Lists[s.listener.Name]
	if lists == nil {
		return nil
	}
	return lists.Revoked(s.srv.roster.chains(s))
}

// spared reports whether the revocation that is in force lets the session go on.
func (s *session) spared() bool {
	r := s.srv.revocation.Load()
	return s.standing(r) == auth.Stands && s.listed(r) == nil
}

// revokedCertificate tells of the certificate that a revoked session rests on, where that is revoked.
func (s *session) revokedCertificate() []slog.Attr {
	err := s.listed(s.srv.revocation.Load())
	if err == nil {
		return nil
	}
	return []slog.Attr{slog.String("cert_subject", shownSubject(err)), slog.String("detail", auth.Display([]byte(err.Error())))}
}

func (s *session) revoke() { s.end(relay.Revoked, administrativeAction) }
