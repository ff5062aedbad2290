package jwt

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"mqttward/auth"
)

// What a stage writes down is here; the judging itself is where it always is, and calls these
// where somebody wants to know.

// Explain is Authenticate, and tells how.
func (s *Stage) Explain(ctx context.Context, c *auth.Credentials, t *auth.Trail) auth.Verdict {
	return s.authenticate(ctx, c, t)
}

// explainField tells where a token was looked for, and what is there.
func (s *Stage) explainField(t *auth.Trail, raw []byte, sent bool) {
	name := "password"
	if s.from == FromUserName {
		name = "user name"
	}
	switch parts := bytes.Count(raw, []byte{'.'}) + 1; {
	case !sent:
		t.Note(auth.AboutToken, "no %s was sent: a token would be there", name)
	case len(raw) == 0:
		t.Note(auth.AboutToken, "the %s is empty: a token would be there", name)
	case parts != 3:
		t.Note(auth.AboutToken, "the %s is no token: it has %d dot-separated %s, not 3", name, parts, plural(parts, "part"))
	default:
		t.Holds(auth.AboutToken, "the %s has the three parts of a token", name)
	}
}

// explainHeader tells what the header says that counts.
func explainHeader(t *auth.Trail, tok *token) {
	kid := "no kid"
	if tok.hasKID {
		kid = "kid " + auth.Quote(tok.kid)
	}
	t.Holds(auth.AboutToken, "header: alg %s, %s", tok.alg.name, kid)
}

// kindNames are how kinds of keys are called.
var kindNames = [numKinds]string{"secret", "RSA", "EC P-256", "EC P-384", "EC P-521", "Ed25519"}

// serves lists the algorithms that k may verify.
func (k *key) serves() string {
	if k.alg != nil {
		return k.alg.name + " alone"
	}
	var names []string
	for name, a := range algorithms {
		if k.fits(a) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// String tells of what kind the key is.
func (k *key) String() string {
	if public, ok := k.material.(*rsa.PublicKey); ok {
		return fmt.Sprintf("RSA, %d bits", public.N.BitLen())
	}
	return kindNames[k.kind]
}

// keyName names a key by where it comes from.
func (s *Stage) keyName(k *key, set *keySet) string {
	if k.kind == kindSecret {
		return "the secret"
	}
	first := 0 // of the public keys
	if len(s.keys) > 0 && s.keys[0].kind == kindSecret {
		first = 1
	}
	if i := slices.Index(s.keys, k); i >= 0 {
		return fmt.Sprintf("key %d of public_key_file (%v)", i-first+1, k)
	}
	for i, w := range set.keys {
		switch {
		case w.key != k:
		case w.hasKID:
			return fmt.Sprintf("key %s of the key set (%v)", auth.Quote([]byte(w.kid)), k)
		default:
			return fmt.Sprintf("key %d of the key set (%v, no kid)", i+1, k)
		}
	}
	return fmt.Sprintf("a key (%v)", k)
}

// explainSigned tells what came of trying a key that fits.
func (s *Stage) explainSigned(t *auth.Trail, k *key, set *keySet, tok *token, good bool) {
	name := s.keyName(k, set)
	switch n := tok.alg.signatureLen; {
	case good:
		t.Holds(auth.AboutKey, "%s verifies the %s signature", name, tok.alg.name)
	case n != 0 && len(tok.signature) != n:
		t.Fails(auth.AboutKey, "%s: the signature has %d bytes, one of %s has %d", name, len(tok.signature), tok.alg.name, n)
	default:
		t.Fails(auth.AboutKey, "%s does not verify the %s signature: the token was signed with another key, or changed since", name, tok.alg.name)
		if k.kind == kindSecret {
			explainSecret(t, k, tok)
		}
	}
}

// explainSecret looks for the usual mistakes with a secret that does not verify a token.
func explainSecret(t *auth.Trail, k *key, tok *token) {
	secret, _ := k.material.([]byte)
	is := func(other []byte) bool {
		return len(other) > 0 && (&key{kind: kindSecret, verifier: newMACs(other)}).verifies(tok.alg, tok.signed, tok.signature)
	}
	for _, e := range [...]*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if decoded, err := e.DecodeString(string(secret)); err == nil && is(decoded) {
			t.Note(auth.AboutKey, "the secret decoded from base64 verifies it: write secret_base64 = true")
			return
		}
		if is([]byte(e.EncodeToString(secret))) {
			t.Note(auth.AboutKey, "the base64 text of the secret verifies it, not what it decodes to: write secret_base64 = false")
			return
		}
	}
	for _, end := range [...]string{"\n", "\r\n"} {
		if is(append(bytes.Clone(secret), end...)) {
			t.Note(auth.AboutKey, "the secret with a line end behind it verifies it: whoever signs has read it from a file, line end and all")
			return
		}
	}
	if trimmed := bytes.TrimSpace(secret); len(trimmed) != len(secret) && is(trimmed) {
		t.Note(auth.AboutKey, "the secret without the blanks around it verifies it")
	}
}

// explainUnfit tells why a key is passed over.
func (s *Stage) explainUnfit(t *auth.Trail, k *key, set *keySet, a *algorithm) {
	t.Note(auth.AboutKey, "%s is passed over: it serves %s, not %s", s.keyName(k, set), k.serves(), a.name)
}

// explainSet tells which key set is in force.
func (s *Stage) explainSet(t *auth.Trail, set *keySet, now time.Time) {
	if set == nil {
		if old := s.jwks.set.Load(); old != nil {
			t.Fails(auth.AboutKey, "the key set was fetched %s, longer ago than jwks_max_stale allows", auth.Distance(old.fetched, now))
			return
		}
		t.Fails(auth.AboutKey, "the key set has never been loaded: neither fetched from %s nor read from a cache file", s.jwks.name)
		return
	}
	if set.given {
		t.Note(auth.AboutKey, "the key set that was given has %d %s", set.size, plural(set.size, "key"))
		return
	}
	from := ""
	if set.fromCache {
		from = " and kept on disk"
	}
	t.Note(auth.AboutKey, "the key set of %s has %d %s, fetched %s%s", s.jwks.name, set.size, plural(set.size, "key"), auth.Distance(set.fetched, now), from)
}

// explainKID tells that no usable key has the token's kid, and what there is instead.
func explainKID(t *auth.Trail, set *keySet, tok *token) {
	kid := auth.Display(tok.kid)
	for _, p := range set.passed {
		if p.kid == kid {
			t.Fails(auth.AboutKey, "key %s of the key set can't be used: %s", auth.Quote(tok.kid), p.problem)
			return
		}
	}
	kids := set.kids()
	for i := range kids {
		kids[i] = `"` + kids[i] + `"`
	}
	has := "no key with a kid"
	if len(kids) > 0 {
		has = strings.Join(kids[:min(len(kids), maxKIDs)], ", ")
		if len(kids) > maxKIDs {
			has += fmt.Sprintf(" and %d more", len(kids)-maxKIDs)
		}
	}
	t.Compare(auth.Fails, auth.AboutKey, fmt.Sprintf("the key set has no key %s: it has %s", auth.Quote(tok.kid), has), has, auth.Quote(tok.kid))
}

// maxKIDs is how many kids of a set are listed.
const maxKIDs = 16

// shown is a JSON value with its type, as it may be shown.
func (v value) shown() string {
	switch v.kind {
	case jsonNull:
		return "null"
	case jsonTrue:
		return "true"
	case jsonFalse:
		return "false"
	case jsonNumber:
		return "the number " + auth.Display(v.raw)
	case jsonString:
		text, _ := v.text()
		return "the string " + auth.Quote(text)
	case jsonArray:
		return "the array " + v.shownArray()
	}
	return "an object"
}

// maxElements is how many elements of an array are shown.
const maxElements = 8

// shownArray is an array: its strings, and other elements by their kind.
func (v value) shownArray() string {
	var all []string
	n := 0
	v.elements(func(e value) {
		if n++; n > maxElements {
			return
		}
		text := e.shown()
		if s, ok := e.text(); ok {
			text = auth.Quote(s)
		} else if e.kind == jsonArray {
			text = "an array"
		}
		all = append(all, text)
	})
	if n > maxElements {
		all = append(all, fmt.Sprintf("and %d more", n-maxElements))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// explainTime tells of a claim that is a time.
func (r *rules) explainTime(t *auth.Trail, name string, v value, has bool, f fault, now time.Time) {
	o := auth.Holds
	if f.is() {
		o = auth.Fails
	}
	const number = "a number of seconds"
	s, ok := seconds(v)
	switch {
	case !has && f.is():
		t.Compare(o, auth.AboutTime, fmt.Sprintf("claim %q is absent (require_exp = true)", name), number, "absent")
	case !has:
		t.Note(auth.AboutTime, "claim %q is absent%s", name, absentTime[name])
	case !ok:
		t.Compare(o, auth.AboutTime, fmt.Sprintf("claim %q is %s, expected %s", name, v.shown(), number), number, v.shown())
	default:
		at := unixTime(s)
		const stamp = "2006-01-02T15:04:05Z"
		t.Compare(o, auth.AboutTime, fmt.Sprintf("claim %q is %s, %s: it must be %s (now %s, leeway %v)", name,
			at.UTC().Format(stamp), auth.Distance(at, now), timeRule[name], now.UTC().Format(stamp), r.leeway),
			timeRule[name], at.UTC().Format(stamp))
	}
}

// absentTime says what it means that a time is absent.
var absentTime = map[string]string{"exp": ": the token is good for ever"}

// timeRule says what each of the times has to be.
var timeRule = map[string]string{"exp": "after now", "nbf": "not after now", "iat": "not after now"}

// explainDeclared tells of a declared claim. want is what the template has become; err is why it
// could not.
func explainDeclared(t *auth.Trail, d declaration, v value, has bool, want []byte, err error, good bool) {
	claim, template := auth.Quote([]byte(d.name)), d.want.String()
	found := "absent"
	if has {
		found = v.shown()
	}
	if err != nil {
		t.Fails(auth.AboutClaim, "claim %s is %s, expected what %q becomes, and %v: the client did not send it", claim, found, template, err)
		return
	}
	expected := "the string " + auth.Quote(want)
	if d.name == "aud" {
		expected += ", or an array of strings that holds it"
	}
	from := ""
	if template != string(want) {
		from = fmt.Sprintf(" (from %q)", template)
	}
	o := auth.Fails
	if good {
		o = auth.Holds
	}
	t.Compare(o, auth.AboutClaim, fmt.Sprintf("claim %s is %s, expected %s%s", claim, found, expected, from), expected, found)
}

// explainIdentity tells of the claim that names the client.
func (r *rules) explainIdentity(t *auth.Trail, v value, has bool, good bool) {
	claim, found := auth.Quote([]byte(r.identity)), "absent"
	if has {
		found = v.shown()
	}
	if good {
		t.Holds(auth.AboutClaim, "claim %s is %s: the proven identity (identity_claim)", claim, found)
		return
	}
	const expected = "a string that is not empty"
	t.Compare(auth.Fails, auth.AboutClaim, fmt.Sprintf("claim %s is %s, expected %s (identity_claim)", claim, found, expected), expected, found)
}

// explainKept tells of the claims that somebody wants later and can't have.
func (r *rules) explainKept(t *auth.Trail, claims members) {
	for _, name := range r.keep {
		switch v, ok := claims.get(name); {
		case !ok:
			t.Note(auth.AboutClaim, "claim %s is absent, and %%{claim:%s} has no value", auth.Quote([]byte(name)), name)
		case v.kind != jsonString:
			t.Note(auth.AboutClaim, "claim %s is %s, and %%{claim:%s} has no value: only a string is one", auth.Quote([]byte(name)), v.shown(), name)
		}
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
