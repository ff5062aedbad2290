package config

import (
	"net/url"
	"slices"
	"strings"
)

func (d *document) checkAuth(c *Config) {
	a := c.Auth
	if a.Builtin == nil && a.JWT == nil && !a.AllowAnonymous && !d.faultyBelow("auth") {
		d.fault("auth", `nobody could connect: configure [auth.jwt], for example with secret = "${MQTT_JWT_SECRET}", or [auth.builtin], or write allow_anonymous = true below [auth]`)
	}
	if a.Builtin == nil && a.JWT == nil && a.AllowAnonymous {
		d.warn("auth.allow_anonymous", "is all there is: everybody may connect")
	}
	if d.lines["auth.client_id_must"] > 0 && a.ClientIDMust == "" && !d.faults["auth.client_id_must"] {
		d.fault("auth.client_id_must", `is empty, and would bind no client: write "%%u", or remove it`)
	}
	if a.Builtin != nil {
		d.checkBuiltin(a.Builtin)
	}
	if a.JWT != nil {
		d.checkJWT(a.JWT)
	}
}

func (d *document) checkBuiltin(b *Builtin) {
	const table = "auth.builtin"
	if b.UsersFile == "" && len(b.Users) == 0 && !d.faultyBelow(table) {
		d.fault(table, "has no users: write users_file, or [[auth.builtin.user]] with name and password_hash")
	}
	d.checkEMQX(b)
	seen := map[string]string{}
	for i, u := range b.Users {
		path := joinIndex(table+".user", i)
		switch {
		case u.Name == "":
			d.fault(path+".name", "is missing: write the user's name")
		case len(u.Name) > 65535:
			d.fault(path+".name", "must be at most 65535 bytes, the limit of MQTT")
		case seen[u.Name] != "":
			d.fault(path+".name", "%q is the name of %s too", u.Name, seen[u.Name])
		default:
			seen[u.Name] = path
		}
		if !u.PasswordHash.IsSet() {
			d.fault(path+".password_hash", "is missing: write a hash such as mosquitto_passwd makes, never the password itself")
		}
	}
}

// checkEMQX judges the keys about the hashes of EMQX's files, beside each other and the format.
func (d *document) checkEMQX(b *Builtin) {
	const table = "auth.builtin."
	useless := func(name, why string, args ...any) {
		if d.given[table+name] {
			d.fault(table+name, "has no use "+why+": remove it", args...)
		}
	}
	if b.UsersFile == "" {
		for _, name := range append([]string{"format"}, emqxKeys[:]...) {
			useless(name, "without users_file")
		}
		return
	}
	if b.Format == FormatMosquitto || b.Format == FormatHtpasswd {
		for _, name := range emqxKeys {
			useless(name, "with format = %q, whose hashes tell how they were made", b.Format)
		}
		return
	}
	if b.EMQX.Algorithm == "bcrypt" || b.EMQX.Algorithm == "pbkdf2" {
		useless("salt_position", "with algorithm = %q", b.EMQX.Algorithm)
	}
	if b.EMQX.Algorithm != "pbkdf2" {
		for _, name := range emqxKeys[2:] {
			useless(name, "with algorithm = %q", b.EMQX.Algorithm)
		}
		return
	}
	if b.EMQX.PBKDF2Iterations == 0 {
		d.fault(table+"pbkdf2_iterations", "is missing: write the number that EMQX has as iterations")
	}
	if n := b.EMQX.PBKDF2Length; n > 0 && n < 16 {
		d.fault(table+"pbkdf2_dk_length", "must be 0, which is what pbkdf2_mac gives, or between 16 and 256, not %d", n)
	}
}

func (d *document) checkJWT(j *JWT) {
	const table = "auth.jwt"
	if !j.Secret.IsSet() && j.PublicKeyFile == "" && j.JWKS == nil && !d.faultyBelow(table) {
		d.faultNoKey(table)
	}
	if slices.Contains([]string{"exp", "nbf", "iat"}, j.IdentityClaim) {
		d.fault(table+".identity_claim", "%s is a time, not a name: write a claim that holds a text, such as \"sub\"", j.IdentityClaim)
	}
	if len(j.Claims) > 0 && !j.VerifyClaims {
		d.warn(table+".claims", "is not judged while verify_claims = false")
	}
	if !j.Secret.IsSet() && d.given[table+".secret_base64"] && !d.faultyBelow(table) {
		d.warn(table+".secret_base64", "has no use without a secret")
	}
	if j.JWKS == nil {
		d.checkNoJWKS()
		return
	}
	if fault := urlFault(j.JWKS.URL); fault != "" {
		d.fault(table+".jwks_url", "%s", fault)
	}
	if s := j.JWKS.MaxStale; s > 0 && s < j.JWKS.RefreshInterval {
		d.fault(table+".jwks_max_stale", "must be 0s, which is for ever, or at least jwks_refresh_interval, which is %s, not %s",
			formatDuration(j.JWKS.RefreshInterval), formatDuration(s))
	}
}

// faultNoKey notes that there is no key, at the secret if that is there and empty.
func (d *document) faultNoKey(table string) {
	if secret := table + ".secret"; d.lines[secret] > 0 {
		d.fault(secret, "is empty, and there is no other key: write one, or set the environment variable that it names")
		return
	}
	d.fault(table, "has no key: write secret, secret_file, public_key_file or jwks_url")
}

// checkNoJWKS notes the keys that need a URL.
func (d *document) checkNoJWKS() {
	const url = "auth.jwt.jwks_url"
	for path := range d.given {
		if strings.HasPrefix(path, "auth.jwt.jwks_") && path != url && !d.faults[url] {
			d.fault(path, "has no use without jwks_url")
		}
	}
}

// urlFault says why s can't be the URL of a key set, or nothing if it can. It quotes no
// part of s, which may hold a password.
func urlFault(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return `must be a URL, such as "https://id.example.org/.well-known/jwks.json"`
	case u.Scheme != "http" && u.Scheme != "https":
		return "must begin with https:// or http://"
	case u.Hostname() == "":
		return "has no host"
	case u.User != nil:
		return "must not hold a user or a password: write them in jwks_headers, as Authorization"
	case u.Fragment != "" || strings.Contains(s, "#"):
		return "must not hold a fragment: remove the # and what follows"
	default:
		return ""
	}
}
