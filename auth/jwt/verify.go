package jwt

import (
	"context"
	"fmt"
	"time"

	"mqttward/auth"
)

// tooMany is why a token is refused of which not every key was tried.
var tooMany = fault{auth.BadSignature,
	fmt.Sprintf("none of the first %d keys that fit; a kid would tell which", maxCandidates)}

// noSet is why a token is refused that no other key verifies while no key set is in force.
var noSet = fault{auth.BadSignature, "the key set is not available"}

// proof is a payload that a key in force has verified.
type proof struct {
	payload []byte
	tag     tag
	// key is the number of that key, generation that of the keys in force.
	key, generation uint32
	// mark is the key's.
	mark auth.Mark
	// isNews is set where memory wants to be told.
	isNews bool
}

// prove looks for a key that verifies the token raw: in memory, and else among the keys that
// are in force at now. It writes down how, unless x is nil.
func (s *Stage) prove(ctx context.Context, raw []byte, now time.Time, w *scratch, x *auth.Trail) (proof, fault) {
	var set *keySet
	p := proof{generation: s.generation}
	if s.jwks != nil {
		if set = s.jwks.current(now); set != nil {
			p.generation = set.generation
		}
	}
	remembers := s.memory.holds(raw, p.generation)
	var seen entry // of the token, under whatever keys
	if remembers {
		p.tag = s.memory.tag(raw, w)
		seen, _ = s.memory.good.get(p.tag)
		if seen.generation == p.generation {
			if payload, ok := w.payload(raw); ok {
				p.payload, p.mark = payload, s.mark(seen.what, set)
				if x != nil {
					x.Holds(auth.AboutKey, "the token is remembered: it was verified before, by a key in force")
				}
				return p, fault{}
			}
		}
		if f := s.memory.refused(p.tag, p.generation); f.is() {
			if x != nil {
				x.Fails(auth.AboutKey, "the token is remembered: no key in force verified it before")
			}
			return proof{}, f
		}
	}
	t, f := parseToken(raw, w.all())
	if f.is() {
		if x != nil {
			x.Fails(auth.AboutToken, "%s", f.detail)
		}
		return proof{}, f
	}
	if x != nil {
		explainHeader(x, &t)
	}
	p.payload, p.isNews = t.payload, remembers
	// Verified under other keys in force: it counts where those of now lead to the same key.
	if seen.generation != 0 {
		if k, _ := s.search(ctx, &t, set, func(k *key) bool { return k.number == seen.what }, nil); k != nil {
			p.key, p.mark = k.number, k.mark
			if x != nil {
				x.Holds(auth.AboutKey, "the token is remembered: %s verified it before", s.keyName(k, set))
			}
			return p, fault{}
		}
	}
	tried := 0
	k, f := s.search(ctx, &t, set, func(k *key) bool {
		if tried++; tried > 1 || k.slow() {
			ctx.Done() // others need not wait for this one
		}
		good := k.verifies(t.alg, t.signed, t.signature)
		if x != nil {
			s.explainSigned(x, k, set, &t, good)
		}
		return good
	}, x)
	if f.is() {
		// The provider may have the key by now.
		if f.reason == auth.UnknownKid || f.reason == auth.KeysUnavailable || f == noSet {
			s.jwks.ask()
		}
		if remembers {
			s.memory.refuse(p.tag, p.generation, f, now)
		}
		return proof{}, f
	}
	p.key, p.mark = k.number, k.mark
	return p, fault{}
}

// search shows the keys that may verify t to is, in the order that is the law: the secret, the
// public keys, then those of the key set in force, which is nil where there is none. It returns
// the first for which is says yes; there is a fault where it says so for none. What it passes
// over is written down, unless x is nil.
func (s *Stage) search(ctx context.Context, t *token, set *keySet, is func(*key) bool, x *auth.Trail) (*key, fault) {
	unfit := func(k *key) {
		if x != nil {
			s.explainUnfit(x, k, set, t.alg)
		}
	}
	k, tried, f := tryKeys(ctx, s.keys, len(s.keys), t, is, unfit)
	if k != nil || f.is() {
		return k, f
	}
	// A key set holds public keys only.
	if s.jwks == nil || t.alg.kind == kindSecret {
		if tried == 0 {
			return nil, faultf(auth.BadSignature, "no key is configured for %s", t.alg.name)
		}
		return nil, fault{auth.BadSignature, ""}
	}
	if x != nil {
		s.explainSet(x, set, s.now())
	}
	if set == nil {
		if tried == 0 {
			return nil, fault{auth.KeysUnavailable, ""}
		}
		return nil, noSet
	}
	candidates, known := set.candidates(t)
	if !known {
		if x != nil {
			explainKID(x, set, t)
		}
		return nil, faultf(auth.UnknownKid, "kid %q", auth.Display(t.kid))
	}
	k, inSet, f := tryKeys(ctx, candidates, maxCandidates, t, is, unfit)
	switch {
	case k != nil || f.is():
		return k, f
	case inSet == maxCandidates:
		return nil, tooMany
	case inSet+tried == 0:
		return nil, faultf(auth.BadSignature, "no key fits %s", t.alg.name)
	}
	return nil, fault{auth.BadSignature, ""}
}

// tryKeys shows those of keys that fit t to is, up to limit of them, until it says yes, and
// tells how many it has shown. The others are shown to unfit. The fault is that ctx has ended.
func tryKeys(ctx context.Context, keys []*key, limit int, t *token, is func(*key) bool, unfit func(*key)) (k *key, tried int, f fault) {
	for _, k := range keys {
		if !k.fits(t.alg) {
			unfit(k)
			continue
		}
		if tried == limit {
			break
		}
		if tried > 0 && ctx.Err() != nil {
			return nil, tried, fault{auth.Busy, ""}
		}
		tried++
		if is(k) {
			return k, tried, fault{}
		}
	}
	return nil, tried, fault{}
}
