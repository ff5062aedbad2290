package jwt

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"mqttward/auth"
)

// Source is the field of CONNECT that carries the token.
type Source uint8

// The sources.
const (
	FromPassword Source = iota
	FromUserName
)

// Options say which tokens a [Stage] accepts. At least one of Secret, PublicKeyPEM and JWKS
// must be configured.
type Options struct {
	// From is where clients put their token. The zero value is the password.
	From Source
	// Secret is the key of HS256, HS384 and HS512, as raw bytes. Empty means not configured;
	// fewer than 16 bytes warn. New copies it.
	Secret []byte
	// PublicKeyPEM holds 1 to 16 PEM blocks of type PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE,
	// tried in their order. Empty means not configured. A private key is refused, as is
	// anything that can't be used: RSA of other than 2,048 to 8,192 bits, another curve than
	// P-256, P-384 and P-521, a damaged block.
	PublicKeyPEM []byte
	// JWKS is the key set to fetch; nil means not configured.
	JWKS *JWKSOptions
	// Leeway eases exp, nbf and iat, for clocks that differ. Zero means none; a negative one
	// is refused.
	Leeway time.Duration
	// IgnoreIAT leaves the claim iat alone, whatever it is.
	IgnoreIAT bool
	// RequireExp refuses tokens without exp.
	RequireExp bool
	// Claims are the declarations: a token's claim of each name must be a string equal to what
	// the template yields for the client; aud may also be an array of strings that holds it.
	// Nil or empty means none. exp, nbf, iat and the empty name can't be declared.
	Claims map[string]*auth.Template
	// IdentityClaim is the claim whose value becomes Identity.Name; a token without it, or
	// with one that is not a string or is empty, is denied. Empty means that a token proves
	// no name.
	IdentityClaim string
	// KeepClaims are the claims that are kept in Identity.Claims where they are strings.
	KeepClaims []string
	// BindsClientID says that a claim decides the client id, by [auth.Options].ClientID: no
	// warning that nothing does.
	BindsClientID bool
	// TokenCache is how many verified tokens are remembered, at 40 to 60 bytes each as they
	// come, so that one that comes again costs no signature. Zero means 100,000; a negative
	// number means none. An eighth as many are remembered as having a bad signature.
	TokenCache int
	// Before is the stage that this one takes the place of, or nil. Where both have a key set of
	// the same URL, the new one begins with the old one's keys, and fetches when these are due.
	// Where both have the same TokenCache, the new one knows the tokens that the old one knows.
	Before *Stage
	// Marker makes the marks of the keys that tokens are verified by. Nil means that identities
	// have none.
	Marker *auth.Marker
	// Now is the wall clock. Nil means time.Now.
	Now func() time.Time
	// Log is told of the key set's life. Nil means slog.Default().
	Log *slog.Logger
}

// JWKSOptions describe a JSON Web Key Set (RFC 7517) and how to fetch it.
type JWKSOptions struct {
	// URL is the key set's address, http or https. It may hold a user and a password, which
	// are sent to it alone. Logs show scheme, host and path.
	URL string
	// RefreshInterval is the time from one fetch to the next, lengthened by up to a tenth at
	// random. Zero means 5 minutes; the least is 10 seconds.
	RefreshInterval time.Duration
	// MinRefetch is the least time between two early fetches, which tokens with an unknown
	// kid ask for. Zero means 30 seconds; the least is 1 second.
	MinRefetch time.Duration
	// Timeout bounds one fetch with its redirects and body. Zero means 5 seconds.
	Timeout time.Duration
	// MaxStale is for how long keys stay in force after the fetch that brought them. Zero
	// means for ever; a negative one is refused. One that is not above RefreshInterval warns,
	// since keys lapse between two fetches that both succeed.
	MaxStale time.Duration
	// CacheFile is where the last good answer is kept for a restart during an outage. Empty
	// means nowhere. Its folder must exist and be writable.
	CacheFile string
	// RootCAs are the authorities that the server's certificate must chain to. Nil means the
	// system's.
	RootCAs *x509.CertPool
	// Headers are sent with each request to the URL's own scheme, host and port, and no longer
	// once a redirect has led elsewhere. Host, Content-Length and Transfer-Encoding are refused.
	// Values are secrets: they are never shown.
	Headers map[string]string
}

// reserved are the claims with rules of their own, and the name that no claim can have.
var reserved = []string{"", "exp", "nbf", "iat"}

// newRules checks and orders what o says of claims.
func newRules(o *Options) (rules, error) {
	r := rules{
		leeway:     o.Leeway,
		ignoreIAT:  o.IgnoreIAT,
		requireExp: o.RequireExp,
		identity:   o.IdentityClaim,
		keep:       slices.Clone(o.KeepClaims),
	}
	if o.Leeway < 0 {
		return rules{}, errors.New("auth.jwt.leeway: must not be negative")
	}
	// Sorted, so that the first failing claim is the same one each time.
	for _, name := range slices.Sorted(maps.Keys(o.Claims)) {
		if slices.Contains(reserved, name) {
			return rules{}, fmt.Errorf("auth.jwt.claims: %q can't be declared", name)
		}
		if o.Claims[name] == nil {
			return rules{}, fmt.Errorf("auth.jwt.claims.%s: no template", name)
		}
		r.declared = append(r.declared, declaration{name, o.Claims[name]})
	}
	return r, nil
}

// warnings lists what is allowed and may still be a mistake.
func (o *Options) warnings() []string {
	var w []string
	if n := len(o.Secret); n > 0 && n < shortSecret {
		w = append(w, fmt.Sprintf("auth.jwt.secret: shorter than %d bytes: it can be guessed from one token", shortSecret))
	}
	binds := o.BindsClientID
	for _, name := range slices.Sorted(maps.Keys(o.Claims)) {
		t := o.Claims[name]
		if t.UsesUserName() && o.From == FromUserName {
			w = append(w, fmt.Sprintf(`auth.jwt.claims.%s: %%u is the token itself where from = "username"`, name))
		}
		binds = binds || t.UsesClientID() || (t.UsesUserName() && o.From != FromUserName)
	}
	if !binds {
		w = append(w, "auth.jwt.claims: no claim is bound to %u or %c: whoever holds a valid token may use any user name and client id")
	}
	return w
}

// warnings lists the same for a key set.
func (j *jwks) warnings() []string {
	var w []string
	if j.url.Scheme == "http" && !isLoopback(j.url.Hostname()) {
		w = append(w, "auth.jwt.jwks_url: plain http: whoever is on the way can replace the keys; use https")
	}
	// The random part of the interval counts too.
	if o := j.o; o.MaxStale > 0 && o.MaxStale <= o.RefreshInterval+o.RefreshInterval/10 {
		w = append(w, "auth.jwt.jwks_max_stale: not more than 1.1 times jwks_refresh_interval: keys lapse between two good fetches")
	}
	return w
}

// withDefaults returns o with zero values replaced, after checking the others.
func (o JWKSOptions) withDefaults() (JWKSOptions, error) {
	for _, d := range [...]struct {
		key          string
		value        *time.Duration
		zero, lowest time.Duration
	}{
		{"jwks_refresh_interval", &o.RefreshInterval, 5 * time.Minute, 10 * time.Second},
		{"jwks_min_refetch", &o.MinRefetch, 30 * time.Second, time.Second},
		{"jwks_timeout", &o.Timeout, 5 * time.Second, time.Millisecond},
	} {
		if *d.value == 0 {
			*d.value = d.zero
		}
		if *d.value < d.lowest {
			return o, fmt.Errorf("auth.jwt.%s: %v is less than %v", d.key, *d.value, d.lowest)
		}
	}
	if o.MaxStale < 0 {
		return o, errors.New("auth.jwt.jwks_max_stale: must not be negative")
	}
	for name, v := range o.Headers {
		if err := checkHeader(name, v); err != nil {
			return o, fmt.Errorf("auth.jwt.jwks_headers: %w", err)
		}
	}
	return o, nil
}

// checkHeader refuses what net/http would refuse at each fetch, or silently leave out.
func checkHeader(name, v string) error {
	switch strings.ToLower(name) {
	case "":
		return errors.New("empty name")
	case "host", "content-length", "transfer-encoding", "trailer":
		return fmt.Errorf("%q can't be set", name)
	}
	for _, c := range []byte(name) {
		// The tchar of RFC 9110 section 5.6.2.
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return fmt.Errorf("%q is not a header name", name)
		}
	}
	for _, c := range []byte(v) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fmt.Errorf("the value of %q holds a control character", name)
		}
	}
	return nil
}
