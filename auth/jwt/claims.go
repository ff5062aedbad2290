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
// there is a fault, that is at most when the token expires.
func (r *rules) judge(payload []byte, c *auth.Credentials, now time.Time) (id auth.Identity, f fault) {
	var few [16]member
	claims, err := parseObject(payload, few[:0])
	if err != nil {
		return id, faultf(auth.TokenMalformed, "payload: %v", err)
	}
	if id.Expires, f = r.judgeTimes(claims, now); f.is() {
		return id, f
	}
	if f = r.judgeDeclared(claims, c); f.is() {
		return id, f
	}
	if id.Name, f = r.identityName(claims); f.is() {
		return id, f
	}
	id.Claims = r.kept(claims)
	return id, fault{}
}

// judgeTimes judges exp, nbf and iat, and returns when the proof ends.
func (r *rules) judgeTimes(claims members, now time.Time) (expires time.Time, f fault) {
	if v, ok := claims.get("exp"); ok {
		exp, ok := seconds(v)
		if !ok {
			return expires, fault{auth.ClaimMalformed, `claim "exp" is not a number`}
		}
		if expires = unixTime(exp).Add(r.leeway); !now.Before(expires) {
			return expires, faultf(auth.TokenExpired, "%v ago", now.Sub(expires).Round(time.Second))
		}
		if expires.Sub(now) > never {
			expires = time.Time{}
		}
	} else if r.requireExp {
		return expires, fault{auth.ClaimMissing, `claim "exp"`}
	}
	eased := float64(now.Add(r.leeway).Unix())
	if v, ok := claims.get("nbf"); ok {
		nbf, ok := seconds(v)
		if !ok {
			return expires, fault{auth.ClaimMalformed, `claim "nbf" is not a number`}
		}
		if math.Floor(nbf) > eased {
			return expires, fault{auth.TokenNotYetValid, ahead(nbf, eased)}
		}
	}
	if v, ok := claims.get("iat"); ok && !r.ignoreIAT {
		iat, ok := seconds(v)
		if !ok {
			return expires, fault{auth.ClaimMalformed, `claim "iat" is not a number`}
		}
		if math.Floor(iat) > eased {
			return expires, fault{auth.TokenIssuedInFuture, ahead(iat, eased)}
		}
	}
	return expires, fault{}
}

// ahead says by how many seconds a time is in the future.
func ahead(t, now float64) string { return fmt.Sprintf("%.0f s ahead", math.Floor(t)-now) }

// judgeDeclared compares the declared claims with what they are to be for this client.
func (r *rules) judgeDeclared(claims members, c *auth.Credentials) fault {
	var room [128]byte
	for _, d := range r.declared {
		v, ok := claims.get(d.name)
		if !ok {
			return faultf(auth.ClaimMissing, "claim %q", auth.Display([]byte(d.name)))
		}
		want, err := d.want.Append(room[:0], c, nil)
		if err != nil {
			return faultf(auth.ClaimMissing, "claim %q: %v", auth.Display([]byte(d.name)), err)
		}
		if !equals(v, want) && !(d.name == "aud" && holds(v, want)) {
			return faultf(auth.ClaimMismatch, "claim %q", auth.Display([]byte(d.name)))
		}
	}
	return fault{}
}

// identityName returns the value of the claim that names the client, if one does.
func (r *rules) identityName(claims members) (string, fault) {
	if r.identity == "" {
		return "", fault{}
	}
	v, ok := claims.get(r.identity)
	if !ok {
		return "", faultf(auth.ClaimMissing, "claim %q", auth.Display([]byte(r.identity)))
	}
	name, ok := v.text()
	if !ok || len(name) == 0 {
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
