package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/MicahParks/jwkset"

	"mqttward/auth"
)

const (
	// maxSetBytes is the longest answer that is read, and maxSetKeys the most keys in it.
	// Providers publish two to ten keys in a few kilobytes.
	maxSetBytes = 1 << 20
	maxSetKeys  = 100
	// maxCandidates is how many keys of a set are tried for one token: it bounds what a token
	// without a kid costs.
	maxCandidates = 16
)

// keySet is the usable part of a key set. It is immutable once it is in force.
type keySet struct {
	keys   []webKey // in the set's order
	byKID  map[string][]*key
	byKind [numKinds][]*key
	size   int
	// passed are the keys that can't be used.
	passed []passedKey
	// fetched is when the set was fetched by the wall clock; fromCache is true where another
	// process did that.
	fetched   time.Time
	fromCache bool
	given     bool // by whoever asks for an explanation, and not by jwks_url
	// before is the set of the fetch before this one, of the same URL and in this process; only its
	// keys are of use. It is nil where there was none.
	before *keySet
	// generation is the number of the set and of the keys beside which it stands.
	generation uint32
}

// passedKey is a key that can't be used, and why.
type passedKey struct {
	index   int
	kid     string // as it may be shown
	problem string // likewise
}

// kids returns the ids of the usable keys, sorted, as they may be shown.
func (s *keySet) kids() []string {
	kids := make([]string, 0, len(s.byKID))
	for kid := range s.byKID {
		kids = append(kids, auth.Display([]byte(kid)))
	}
	slices.Sort(kids)
	return kids
}

// candidates returns the keys to try for t in the set's order; some may not fit. known is
// false where the token names a kid that the set does not have.
func (s *keySet) candidates(t *token) (keys []*key, known bool) {
	if t.hasKID {
		keys, known = s.byKID[string(t.kid)]
		return keys, known
	}
	return s.byKind[t.alg.kind], true
}

// parseKeySet reads the JSON of a key set. It fails where that is not a key set; keys that
// can't be used are passed over.
func parseKeySet(body []byte) (*keySet, error) {
	// A map, since decoding into a struct would take "KEYS" for "keys".
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, errors.New("not a JSON object")
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(doc["keys"], &raw); err != nil || raw == nil {
		return nil, errors.New(`no array "keys": not a key set`)
	}
	if len(raw) > maxSetKeys {
		return nil, fmt.Errorf("more than %d keys", maxSetKeys)
	}
	set := &keySet{byKID: make(map[string][]*key)}
	for i, r := range raw {
		j, err := parseJWK(r)
		if err != nil {
			set.passed = append(set.passed, passedKey{i, auth.Display([]byte(j.kid)), auth.Display([]byte(err.Error()))})
			continue
		}
		set.size++
		set.keys = append(set.keys, j)
		set.byKind[j.key.kind] = append(set.byKind[j.key.kind], j.key)
		if j.hasKID {
			set.byKID[j.kid] = append(set.byKID[j.kid], j.key)
		}
	}
	return set, nil
}

// webKey is one key of a set.
type webKey struct {
	key    *key
	kid    string
	hasKID bool
}

// privateMembers are those that only a private or a symmetric key has (RFC 7518 section 6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// parseJWK reads one key. The kid is returned with an error too, as far as it was read.
func parseJWK(raw []byte) (webKey, error) {
	var j webKey
	var few [16]member
	m, err := parseObject(raw, few[:0])
	if err != nil {
		return j, err
	}
	if j.kid, j.hasKID, err = textMember(m, "kid"); err != nil {
		return j, err
	}
	kty, _, err := textMember(m, "kty")
	switch {
	case err != nil:
		return j, err
	case kty == "oct":
		return j, errors.New("kty is oct: a symmetric key")
	case kty != "RSA" && kty != "EC" && kty != "OKP":
		return j, fmt.Errorf("unknown kty %q", kty)
	}
	for _, name := range privateMembers {
		if _, ok := m.get(name); ok {
			return j, fmt.Errorf("published with its private member %q: whoever reads the set could sign", name)
		}
	}
	if err := judgeUse(m); err != nil {
		return j, err
	}
	if j.key, err = material(m, kty); err != nil {
		return j, err
	}
	return j, j.restrict(m)
}

// judgeUse refuses a key that is not for signatures (RFC 7517 sections 4.2 and 4.3).
func judgeUse(m members) error {
	use, ok, err := textMember(m, "use")
	if err != nil {
		return err
	}
	if ok && use != "sig" {
		return fmt.Errorf("use is %q, not sig", use)
	}
	ops, ok := m.get("key_ops")
	if ok && !holds(ops, []byte("verify")) {
		return errors.New("key_ops has no verify")
	}
	return nil
}

// restrict binds the key to its own alg, where it names one.
func (j *webKey) restrict(m members) error {
	name, ok, err := textMember(m, "alg")
	if err != nil || !ok {
		return err
	}
	a := algorithms[name]
	if a == nil || a.kind != j.key.kind {
		return fmt.Errorf("alg %q is not one that this key serves here", name)
	}
	j.key.alg = a
	return nil
}

// material lets jwkset make the key of the public members alone.
func material(m members, kty string) (*key, error) {
	var text [5]string
	for i, name := range [...]string{"crv", "x", "y", "n", "e"} {
		var err error
		if text[i], _, err = textMember(m, name); err != nil {
			return nil, err
		}
	}
	w, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(kty),
		CRV: jwkset.CRV(text[0]),
		X:   text[1],
		Y:   text[2],
		N:   text[3],
		E:   text[4],
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err
	}
	return newPublicKey(w.Key())
}

// textMember returns a member that has to be a string where it is present.
func textMember(m members, name string) (text string, ok bool, err error) {
	v, ok := m.get(name)
	if !ok {
		return "", false, nil
	}
	b, isText := v.text()
	if !isText {
		return "", false, fmt.Errorf("%s is not a string", name)
	}
	return string(b), true, nil
}
