package jwt

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"mqttward/auth"
)

// never is how far away an exp may be before it counts as none. It is well within what a
// time.Duration holds (292 years), so that whoever waits for it can't overflow one.
const never = 100 * 365 * 24 * time.Hour

// lastSecond is the latest Unix second that is turned into a time.Time: 9999-12-31.
const lastSecond = 253402300799

// rules are what the claims of a token have to obey.
type rules struct {
	leeway     time.Duration
	ignoreIAT  bool
	requireExp bool
	declared   []declaration
	identity   string
	keep       []string
}

// declaration is a claim that must have the value that the template yields.
type declaration struct {
	name string
	want *auth.Template
}

// judge reads a payload whose signature was verified, and returns what it proves at now. Where
// there is a fault, that is at most when the token expires. Unless x is nil it writes down how,
// and goes on to what stands behind the first fault, which alone counts.
func (r *rules) judge(payload []byte, c *auth.Credentials, now time.Time, x *auth.Trail) (id auth.Identity, f fault) {
	var few [16]member
	claims, err := parseObject(payload, few[:0])
	if err != nil {
		f = faultf(auth.TokenMalformed, "payload: %v", err)
		if x != nil {
			x.Fails(auth.AboutToken, "%s", f.detail)
		}
		return id, f
	}
	if id.Expires, f = r.judgeTimes(claims, now, x); f.is() && x == nil {
		return id, f
	}
	if f = first(f, r.judgeDeclared(claims, c, x)); f.is() && x == nil {
		return id, f
	}
	name, wrong := r.identityName(claims, x)
	if f = first(f, wrong); f.is() {
		return id, f
	}
	id.Name = name
	id.Claims = r.kept(claims)
	if x != nil {
		r.explainKept(x, claims)
	}
	return id, fault{}
}

// first is the fault that came first.
func first(f, later fault) fault {
	if f.is() {
		return f
	}
	return later
}

// judgeTimes judges exp, nbf and iat, and returns when the proof ends.
func (r *rules) judgeTimes(claims members, now time.Time, x *auth.Trail) (expires time.Time, f fault) {
	v, has := claims.get("exp")
	expires, f = r.judgeExp(v, has, now)
	if x != nil {
		r.explainTime(x, "exp", v, has, f, now)
	}
	if f.is() && x == nil {
		return expires, f
	}
	eased := float64(now.Add(r.leeway).Unix())
	v, has = claims.get("nbf")
	wrong := notAhead("nbf", v, has, eased, auth.TokenNotYetValid)
	if x != nil {
		r.explainTime(x, "nbf", v, has, wrong, now)
	}
	if f = first(f, wrong); f.is() && x == nil {
		return expires, f
	}
	v, has = claims.get("iat")
	if r.ignoreIAT {
		if x != nil && has {
			x.Note(auth.AboutTime, "claim %q is not judged (check_iat = false)", "iat")
		}
		return expires, f
	}
	wrong = notAhead("iat", v, has, eased, auth.TokenIssuedInFuture)
	if x != nil {
		r.explainTime(x, "iat", v, has, wrong, now)
	}
	return expires, first(f, wrong)
}

// judgeExp judges exp, and returns when the proof ends.
func (r *rules) judgeExp(v value, has bool, now time.Time) (expires time.Time, f fault) {
	if !has {
		if r.requireExp {
			f = fault{auth.ClaimMissing, `claim "exp"`}
		}
		return expires, f
	}
	exp, ok := seconds(v)
	if !ok {
		return expires, fault{auth.ClaimMalformed, `claim "exp" is not a number`}
	}
	if expires = unixTime(exp).Add(r.leeway); !now.Before(expires) {
		return expires, fault{auth.TokenExpired, auth.Distance(expires, now)}
	}
	if expires.Sub(now) > never {
		expires = time.Time{}
	}
	return expires, fault{}
}

// notAhead judges a claim that must not be in the future.
func notAhead(name string, v value, has bool, eased float64, r auth.Reason) fault {
	if !has {
		return fault{}
	}
	at, ok := seconds(v)
	switch {
	case !ok:
		return faultf(auth.ClaimMalformed, "claim %q is not a number", name)
	case math.Floor(at) > eased:
		return fault{r, ahead(at, eased)}
	}
	return fault{}
}

// ahead says by how many seconds a time is in the future.
func ahead(t, now float64) string { return fmt.Sprintf("%.0f s ahead", math.Floor(t)-now) }

// judgeDeclared compares the declared claims with what they are to be for this client.
func (r *rules) judgeDeclared(claims members, c *auth.Credentials, x *auth.Trail) (f fault) {
	var room [128]byte
	for _, d := range r.declared {
		v, has := claims.get(d.name)
		want, err := d.want.Append(room[:0], c, nil)
		wrong := d.judge(v, has, want, err)
		if x != nil {
			explainDeclared(x, d, v, has, want, err, !wrong.is())
		}
		if f = first(f, wrong); f.is() && x == nil {
			return f
		}
	}
	return f
}

// judge compares a claim with what its template has become, or tells that it could not; that it
// is absent counts before that.
func (d *declaration) judge(v value, has bool, want []byte, err error) fault {
	switch {
	case !has:
		return faultf(auth.ClaimMissing, "claim %q", auth.Display([]byte(d.name)))
	case err != nil:
		return faultf(auth.ClaimMissing, "claim %q: %v", auth.Display([]byte(d.name)), err)
	case !equals(v, want) && !(d.name == "aud" && holds(v, want)):
		return faultf(auth.ClaimMismatch, "claim %q", auth.Display([]byte(d.name)))
	}
	return fault{}
}

// identityName returns the value of the claim that names the client, if one does.
func (r *rules) identityName(claims members, x *auth.Trail) (string, fault) {
	if r.identity == "" {
		return "", fault{}
	}
	v, has := claims.get(r.identity)
	name, ok := v.text()
	good := has && ok && len(name) > 0
	if x != nil {
		r.explainIdentity(x, v, has, good)
	}
	switch {
	case !has:
		return "", faultf(auth.ClaimMissing, "claim %q", auth.Display([]byte(r.identity)))
	case !good:
		return "", faultf(auth.ClaimMalformed, "claim %q is not a string that names anybody",
			auth.Display([]byte(r.identity)))
	}
	return string(name), fault{}
}

// kept returns copies of the string claims that somebody wants later.
func (r *rules) kept(claims members) map[string]string {
	var kept map[string]string
	for _, name := range r.keep {
		v, _ := claims.get(name)
		if text, ok := v.text(); ok {
			if kept == nil {
				kept = make(map[string]string, len(r.keep))
			}
			kept[name] = string(text)
		}
	}
	return kept
}

// equals reports whether v is the string want.
func equals(v value, want []byte) bool {
	text, ok := v.text()
	return ok && bytes.Equal(text, want)
}

// holds reports whether v is an array of strings, and want one of them.
func holds(v value, want []byte) bool {
	if v.kind != jsonArray {
		return false
	}
	found, strings := false, true
	v.elements(func(e value) {
		found = found || equals(e, want)
		strings = strings && e.kind == jsonString
	})
	return found && strings
}

// seconds returns the number that v is, or that the string v is the JSON form of. One beyond
// float64 is none.
func seconds(v value) (float64, bool) {
	text := v.raw
	switch v.kind {
	case jsonNumber:
	case jsonString:
		// strconv would take Infinity, hexadecimal and underscores too.
		if text, _ = v.text(); len(text) == 0 || numberLen(text) != len(text) {
			return 0, false
		}
	default:
		return 0, false
	}
	if n, ok := whole(text); ok {
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	return f, err == nil
}

// whole returns the number of up to 15 digits that text is, which a float64 holds exactly. Most
// times in tokens are such.
func whole(text []byte) (float64, bool) {
	if len(text) == 0 || len(text) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return float64(n), true
}

// unixTime returns the time of a Unix second, cut to the years 1 to 9999.
func unixTime(seconds float64) time.Time {
	switch {
	case seconds >= lastSecond:
		return time.Unix(lastSecond, 0)
	case seconds <= -62135596800:
		return time.Time{}
	}
	whole := math.Floor(seconds)
	return time.Unix(int64(whole), int64((seconds-whole)*1e9))
}
