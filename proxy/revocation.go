package proxy

import (
	"time"

	"mqttward/auth"
	"mqttward/proxy/relay"
)

// A session rests on the user or the key that let its client in. Where that is taken back, the
// session can be ended: an MQTT 5.0 client gets DISCONNECT 0x98 at a packet boundary, where one comes
// within a second [MQTT5 3.14.2.1], and the broker sees a plain end, and publishes the will.
//
// Whoever is anonymous rests on nothing, and so does whoever was observed when it came, whatever its
// listener does by now: no session of theirs is ever revoked.

// Revocation says which sessions may not go on. Its fields must not change once it is in force.
type Revocation struct {
	// Standing tells what became of the user or key that a mark stands for. It is called by many
	// goroutines at once, and must return at once. Nil means that all sessions go on, those too
	// that were to end in good time.
	Standing func(auth.Mark) auth.Standing
	// Over is the time over which those sessions end whose mark is withdrawn, evenly, as in
	// [Drain]. Whose mark stands again when its turn comes goes on. Zero ends them at once.
	Over time.Duration
}

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
	if r.Standing == nil {
		return Revoked{}
	}
	sessions, _ := s.roster.live()
	n, later := 0, sessions[:0]
	for _, session := range sessions {
		switch session.standing(&r) {
		case auth.Gone:
			session.revoke()
			n++
		case auth.Withdrawn:
			if session.leaving.CompareAndSwap(false, true) { // else its turn is coming
				later = append(later, session)
			}
		}
	}
	clear(sessions[len(later):]) // they are to be forgotten as they end
	if len(later) > 0 {
		s.goroutines.Go(func() { endEvenly(s.draining, later, Drain{Over: r.Over}, (*session).leave) })
	}
	return Revoked{Now: n, Later: len(later)}
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

// standing is what became of what the session rests on.
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

// spared reports whether the revocation that is in force lets the session go on.
func (s *session) spared() bool { return s.standing(s.srv.revocation.Load()) == auth.Stands }

func (s *session) revoke() { s.end(relay.Revoked, administrativeAction) }
