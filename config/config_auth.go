package config

import "time"

// Auth is the [auth] table. At least one of Builtin, JWT and AllowAnonymous is set.
type Auth struct {
	// AllowAnonymous lets in whom no stage has an opinion on.
	AllowAnonymous bool
	// RefusalCodes says which codes a refused client gets.
	RefusalCodes RefusalCodes
	// ReasonStrings tells 5.0 clients in a word why they are refused.
	ReasonStrings bool
	// ClientIDMust is the source of the rule that client ids obey: a template with %u and
	// %{claim:NAME}, not parsed yet. Empty means that there is none.
	ClientIDMust string
	// Builtin is nil where there is no [auth.builtin].
	Builtin *Builtin
	// JWT is nil where there is no [auth.jwt].
	JWT *JWT
}

// RefusalCodes says which codes a refused client gets.
type RefusalCodes string

// The values of refusal_codes: those that EMQX sends; or one for every refusal of a stage,
// so that known user names can't be told from unknown ones.
const (
	RefusalEMQX    RefusalCodes = "emqx"
	RefusalUniform RefusalCodes = "uniform"
)

// Builtin is the [auth.builtin] table. It has a UsersFile, Users, or both.
type Builtin struct {
	// Identity says by what a user is found.
	Identity BuiltinIdentity
	// UsersFile is the absolute path of a file of users, or empty.
	UsersFile string
	// Format is that of UsersFile.
	Format UsersFormat
	// EMQX says how the hashes in a UsersFile of EMQX were made.
	EMQX EMQXHashes
	// Strict makes a line of UsersFile that can't be read an error, the default. Otherwise
	// the user is left out with a warning.
	Strict bool
	// Users are the [[auth.builtin.user]] tables, in the file's order: element i is
	// auth.builtin.user[i].
	Users []User
}

// BuiltinIdentity says by what a built-in user is found.
type BuiltinIdentity string

// The values of identity.
const (
	ByUserName BuiltinIdentity = "username"
	ByClientID BuiltinIdentity = "client_id"
)

// UsersFormat is the form of a file of users.
type UsersFormat string

// The values of format. By FormatAuto the file's content tells.
const (
	FormatAuto      UsersFormat = "auto"
	FormatMosquitto UsersFormat = "mosquitto"
	FormatHtpasswd  UsersFormat = "htpasswd"
	FormatEMQXCSV   UsersFormat = "emqx_csv"
	FormatEMQXJSON  UsersFormat = "emqx_json"
)

// EMQXHashes are the keys of [auth.builtin] that say how EMQX made the hashes of a file.
type EMQXHashes struct {
	// Given says that one of the keys is in the configuration.
	Given bool
	// Algorithm is "plain", "md5", "sha", "sha256", "sha512", "bcrypt" or "pbkdf2"; default
	// "sha256".
	Algorithm string
	// SaltPosition is "prefix", "suffix" or "disable"; default "prefix".
	SaltPosition string
	// PBKDF2MAC is "md5", "sha", "sha224", "sha256", "sha384" or "sha512"; default "sha256".
	PBKDF2MAC string
	// PBKDF2Iterations is 1 to 2,000,000 where Algorithm is "pbkdf2", and 0 elsewhere.
	PBKDF2Iterations int
	// PBKDF2Length is 16 to 256 bytes; 0, the default, means those of PBKDF2MAC.
	PBKDF2Length int
}

// User is an [[auth.builtin.user]] table.
type User struct {
	// Name is 1 to 65,535 bytes and unique among the tables.
	Name string
	// PasswordHash is set. Its form has not been looked at.
	PasswordHash Secret
}

// JWT is the [auth.jwt] table. At least one of Secret, PublicKeyFile and JWKS is set.
type JWT struct {
	// From says where the token is.
	From TokenFrom
	// Secret is the HMAC secret, decoded already where secret_base64 = true.
	Secret Secret
	// PublicKeyFile is the absolute path of a PEM file with public keys, or empty.
	PublicKeyFile string
	// JWKS is nil where there is no jwks_url.
	JWKS *JWKS
	// Leeway eases exp, nbf and iat: 0s to 24h, default 0s.
	Leeway time.Duration
	// CheckIAT refuses a token that was issued in the future; default true.
	CheckIAT bool
	// RequireExp refuses a token without exp; default false.
	RequireExp bool
	// DisconnectAfterExpire ends a session when its token expires; default true.
	DisconnectAfterExpire bool
	// ExpireJitter is the longest random time by which that end is put off: 0s to 24h,
	// default 0s.
	ExpireJitter time.Duration
	// VerifyClaims says whether Claims are judged at all; default true.
	VerifyClaims bool
	// Claims are the declarations, in the file's order. None is called exp, nbf or iat.
	Claims []Claim
	// IdentityClaim names the claim that holds the proven identity. Empty means none.
	IdentityClaim string
	// TokenCache is how many verified tokens are remembered: 0, which is none, to 10,000,000,
	// default 100,000.
	TokenCache int
}

// TokenFrom says in which field of CONNECT the token is.
type TokenFrom string

// The values of from.
const (
	FromPassword TokenFrom = "password"
	FromUserName TokenFrom = "username"
)

// Claim is a line of [auth.jwt.claims].
type Claim struct {
	// Name is the claim's; it is not empty.
	Name string
	// Value is the source of a template, not parsed yet. Its key is
	// JoinKey("auth.jwt.claims", Name).
	Value string
}

// JWKS are the jwks_ keys of [auth.jwt].
type JWKS struct {
	// URL is http or https, with a host, without a user and without a fragment.
	URL string
	// RefreshInterval is the time between fetches: 10s to 168h, default 5m.
	RefreshInterval time.Duration
	// MinRefetch is the least time between fetches for an unknown kid: 1s to 24h, default
	// 30s.
	MinRefetch time.Duration
	// Timeout bounds one fetch: 100ms to 5m, default 5s.
	Timeout time.Duration
	// MaxStale is how long the last good keys hold while fetches fail: 0s, which is for
	// ever and the default, or RefreshInterval to 8760h.
	MaxStale time.Duration
	// CacheFile is the absolute path of the file that keeps the keys, or empty.
	CacheFile string
	// CAFile is the absolute path of the PEM file with the authorities of the server's
	// certificate. Empty means those of the system.
	CAFile string
	// Headers are sent along, by name. The values have no control characters.
	Headers map[string]Secret
}
