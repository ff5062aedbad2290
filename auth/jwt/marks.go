package jwt

import (
	"slices"

	"mqttward/auth"
)

// What became of a key is asked by its mark, long after the token. The mark is of the key's kind and
// material: a key that gets another kid, or is bound to an algorithm, or moves between the
// configuration and the set, is the same key. A key of a set is taken for withdrawn once two successful
// fetches in a row came without it; an empty set counts as one fetch like any other. What a cache file
// holds was not fetched by this process, and proves nothing; after another jwks_url it takes two
// fetches of that. Where no set is configured any more, all of its keys are withdrawn at once.

// mark returns the mark of the key in force that has a number, which is not 0.
func (s *Stage) mark(number uint32, set *keySet) auth.Mark {
	for _, k := range s.keys {
		if k.number == number {
			return k.mark
		}
	}
	if set != nil {
		for _, w := range set.keys {
			if w.key.number == number {
				return w.key.mark
			}
		}
	}
	return 0
}

// Standing tells what became of the key that m stands for: whether its tokens could still be let in.
func (s *Stage) Standing(m auth.Mark) auth.Standing {
	of := m.From(auth.OfFetchedKey)
	switch {
	case slices.ContainsFunc(s.keys, func(k *key) bool { return k.mark == m.From(auth.OfKey) }), s.jwks != nil && s.jwks.has(of):
		return auth.Stands
	case m.Origin() == auth.OfKey:
		return auth.Gone
	case s.jwks != nil && !s.jwks.hasFetchedTwice():
		return auth.Stands
	}
	return auth.Withdrawn
}

// Fetched is told of each successful fetch after it has changed what Standing says. It is of one
// element; nil where no set is configured.
func (s *Stage) Fetched() <-chan struct{} {
	if s.jwks == nil {
		return nil
	}
	return s.jwks.fetched
}

// has reports whether a key was in the set of the last fetch or of the one before.
func (j *jwks) has(m auth.Mark) bool {
	set := j.set.Load()
	return set != nil && (set.holds(m) || set.before != nil && set.before.holds(m))
}

func (j *jwks) hasFetchedTwice() bool {
	set := j.set.Load()
	return set != nil && set.before != nil
}

func (s *keySet) holds(m auth.Mark) bool {
	return slices.ContainsFunc(s.keys, func(w webKey) bool { return w.key.mark == m })
}

// follows notes what set this one takes the place of. It is called before anybody else has it.
func (s *keySet) follows(before *keySet) {
	if before == nil || before.fromCache {
		return
	}
	s.before = &keySet{keys: before.keys} // and no more: what came before that is to be forgotten
}
