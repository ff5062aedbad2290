package config

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
)

func readAuth(t *table) Auth {
	return Auth{
		AllowAnonymous: t.bool("allow_anonymous", false),
		RefusalCodes:   enum(t, "refusal_codes", RefusalEMQX, RefusalEMQX, RefusalUniform),
		ReasonStrings:  t.bool("reason_strings", false),
		ClientIDMust:   t.template("client_id_must"),
		Builtin:        readBuiltin(t.table("builtin")),
		JWT:            readJWT(t.table("jwt")),
	}
}

func readBuiltin(t *table) *Builtin {
	b := &Builtin{
		Identity:  enum(t, "identity", ByUserName, ByUserName, ByClientID),
		UsersFile: t.file("users_file"),
		Format:    enum(t, "format", FormatAuto, FormatAuto, FormatMosquitto, FormatHtpasswd, FormatEMQXCSV, FormatEMQXJSON),
		EMQX:      readEMQX(t),
		Strict:    t.bool("strict", true),
		Users:     readTables(t, "user", readUser),
	}
	if !t.present {
		return nil
	}
	return b
}

// emqxKeys are the keys that readEMQX reads.
var emqxKeys = [...]string{"algorithm", "salt_position", "pbkdf2_mac", "pbkdf2_iterations", "pbkdf2_dk_length"}

func readEMQX(t *table) EMQXHashes {
	e := EMQXHashes{
		Algorithm:        enum(t, "algorithm", "sha256", "plain", "md5", "sha", "sha256", "sha512", "bcrypt", "pbkdf2"),
		SaltPosition:     enum(t, "salt_position", "prefix", "prefix", "suffix", "disable"),
		PBKDF2MAC:        enum(t, "pbkdf2_mac", "sha256", "md5", "sha", "sha224", "sha256", "sha384", "sha512"),
		PBKDF2Iterations: t.int("pbkdf2_iterations", 0, 0, 2_000_000),
		PBKDF2Length:     t.int("pbkdf2_dk_length", 0, 0, 256),
	}
	e.Given = slices.ContainsFunc(emqxKeys[:], t.has)
	return e
}

func readUser(t *table) User {
	return User{Name: t.string("name"), PasswordHash: NewSecret(t.string("password_hash"))}
}

func readJWT(t *table) *JWT {
	j := &JWT{
		From:                  enum(t, "from", FromPassword, FromPassword, FromUserName),
		Secret:                readHMACSecret(t),
		PublicKeyFile:         t.file("public_key_file"),
		JWKS:                  readJWKS(t),
		Leeway:                t.duration("leeway", 0, 0, 24*time.Hour),
		CheckIAT:              t.bool("check_iat", true),
		RequireExp:            t.bool("require_exp", false),
		DisconnectAfterExpire: t.bool("disconnect_after_expire", true),
		ExpireJitter:          t.duration("expire_jitter", 0, 0, 24*time.Hour),
		VerifyClaims:          t.bool("verify_claims", true),
		IdentityClaim:         t.string("identity_claim"),
		TokenCache:            t.int("token_cache", 100_000, 0, 10_000_000),
	}
	j.Claims = readClaims(t) // last: it looks for keys of the table that strayed there
	if !t.present {
		return nil
	}
	return j
}

// readHMACSecret reads the secret, and decodes it where it is said to be base64.
func readHMACSecret(t *table) Secret {
	secret := t.secret("secret")
	if !t.bool("secret_base64", false) || !secret.IsSet() {
		return secret
	}
	b, err := decodeBase64(string(secret.Reveal()))
	if err != nil {
		name := "secret"
		if !t.has(name) {
			name = "secret_file"
		}
		t.fault(name, "%v, and secret_base64 is true", err)
	}
	return NewSecret(string(b))
}

var errBase64 = errors.New("is not base64")

// decodeBase64 decodes standard or URL-safe base64, padded or not. Line breaks inside it,
// which Go's decoder skips, are refused. The error quotes nothing.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errBase64
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.URLEncoding
	}
	if !strings.HasSuffix(s, "=") {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	b, err := encoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errBase64
	}
	return b, nil
}

func readJWKS(t *table) *JWKS {
	j := &JWKS{
		URL:             t.string("jwks_url"),
		RefreshInterval: t.duration("jwks_refresh_interval", 5*time.Minute, 10*time.Second, 168*time.Hour),
		MinRefetch:      t.duration("jwks_min_refetch", 30*time.Second, time.Second, 24*time.Hour),
		Timeout:         t.duration("jwks_timeout", 5*time.Second, 100*time.Millisecond, 5*time.Minute),
		MaxStale:        t.duration("jwks_max_stale", 0, 0, 8760*time.Hour),
		CacheFile:       t.filePath("jwks_cache_file"),
		CAFile:          t.file("jwks_ca_file"),
		Headers:         readHeaders(t),
	}
	if j.URL == "" {
		return nil
	}
	return j
}

// readHeaders reads the header names with their values, which are secrets.
func readHeaders(t *table) map[string]Secret {
	headers := map[string]Secret{}
	for _, e := range t.names("jwks_headers") {
		value, ok := t.doc.text(e.path, e.value)
		if !ok {
			continue
		}
		if text := headerFault(e.name, value); text != "" {
			t.doc.fault(e.path, "%s", text)
		}
		if value != "" {
			headers[e.name] = NewSecret(value)
		}
	}
	return headers
}

// headerFault says why a name and a value can't be an HTTP header, or nothing if they can.
func headerFault(name, value string) string {
	notToken := func(r rune) bool {
		return r >= 0x80 || !isBareByte(byte(r)) && !strings.ContainsRune("!#$%&'*+.^`|~", r)
	}
	isControl := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case name == "" || strings.ContainsFunc(name, notToken):
		return "not the name of an HTTP header"
	case strings.ContainsFunc(value, isControl):
		return "the value of an HTTP header can't hold line breaks or control characters"
	default:
		return ""
	}
}

// readClaims reads the declarations.
func readClaims(t *table) []Claim {
	var claims []Claim
	for _, e := range t.names("claims") {
		value, ok := e.value.(string)
		switch {
		case e.name == "":
			t.doc.fault(e.path, "a claim must have a name")
		case slices.Contains([]string{"exp", "nbf", "iat"}, e.name):
			t.doc.fault(e.path, "%s can't be declared: it is judged as a time; see leeway, check_iat and require_exp", e.name)
		case t.strayed(e.name, value):
			t.doc.fault(e.path, "%s is a key of [auth.jwt]: write it above the line [auth.jwt.claims]; below it, it would be a claim", e.name)
		case !ok:
			t.doc.fault(e.path, `must be a string in quotes, such as "%%u" for the user name, not %s`, nameOf(e.value))
		default:
			claims = append(claims, Claim{e.name, value})
		}
	}
	return claims
}

// strayed reports whether a claim is meant for a key of the table around the claims, which has
// been read: in TOML whatever follows the header of a table belongs to it. "from" might be a
// claim; no other of the names is one.
func (t *table) strayed(name, value string) bool {
	if _, known := t.doc.schema[t.key(name)]; !known {
		return false
	}
	return name != "from" || value == string(FromPassword) || value == string(FromUserName)
}
