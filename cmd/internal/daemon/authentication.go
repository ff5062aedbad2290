package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mqttward/auth"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/config"
)

// users makes the stage of built-in users; nil where there is none, or where it can't. before is
// the stage that it takes the place of, or nil.
func (b *builder) users(before *builtin.Stage) *builtin.Stage {
	c := b.config.Auth.Builtin
	if c == nil {
		return nil
	}
	faults := len(b.faults)
	users, file := b.listedUsers(c), b.fileUsers(c)
	if len(b.faults) > faults {
		return nil
	}
	o := builtin.Options{Users: users, File: file, Workers: b.workers, Queue: b.config.Limits.MaxHashQueue, Before: before, Marker: b.marker, Log: b.log.Logger}
	if c.Identity == config.ByClientID {
		o.IdentifyBy = builtin.ClientID
		if b.config.Upstream.Credentials.Mode != config.CredentialsReplace {
			b.warn("auth.builtin.identity", "a user proves its client id alone: the user name that goes to the broker is whatever the client wrote")
		}
	}
	if j := b.config.Auth.JWT; j != nil {
		o.Token = builtin.TokenInPassword
		if j.From == config.FromUserName {
			o.Token = builtin.TokenInUserName
		}
	}
	stage, err := builtin.New(o)
	if err != nil {
		b.userFaults("auth.builtin", err)
		return nil
	}
	return stage
}

// listedUsers are those of the configuration itself.
func (b *builder) listedUsers(c *config.Builtin) []builtin.User {
	users := make([]builtin.User, 0, len(c.Users))
	for i, u := range c.Users {
		key := fmt.Sprintf("auth.builtin.user[%d].password_hash", i)
		hash, err := builtin.ParseHash(string(u.PasswordHash.Reveal()))
		if err != nil {
			b.fault(key, "%v", err)
			continue
		}
		if why := hash.Weakness(); why != "" {
			b.warn(key, "the password is kept as %s: give the user a new one", why)
		}
		place := b.config.Problem(fmt.Sprintf("auth.builtin.user[%d].name", i), "")
		users = append(users, builtin.User{Name: u.Name, Hash: hash, File: place.File, Line: place.Line})
	}
	return users
}

// fileUsers are those of the users file; nil where there is none, or where it can't.
func (b *builder) fileUsers(c *config.Builtin) *builtin.Directory {
	const key = "auth.builtin.users_file"
	if c.UsersFile == "" {
		return nil
	}
	f, err := openFile(c.UsersFile)
	if err != nil {
		b.fault(key, "open %s: %v", c.UsersFile, bare(err))
		return nil
	}
	defer f.Close()
	format, ok := builtin.ParseFormat(string(c.Format))
	if !ok { // config refuses it before
		b.fault("auth.builtin.format", "%q is unknown", c.Format)
		return nil
	}
	users, warnings, err := builtin.ReadFile(f, c.UsersFile, builtin.FileOptions{
		Format: format, Lenient: !c.Strict, EMQX: emqx(c.EMQX),
	})
	if err != nil {
		b.userFaults(key, err)
		return nil
	}
	if f := users.FileFormat(); c.EMQX.Given && f != builtin.FormatEMQXCSV && f != builtin.FormatEMQXJSON {
		b.warn("auth.builtin.algorithm", "has no use, like the keys about EMQX's hashes beside it: %s is no file of EMQX, and its hashes tell how they were made", c.UsersFile)
	}
	for _, w := range warnings {
		b.warnings = append(b.warnings, userProblem(w))
	}
	return users
}

func emqx(c config.EMQXHashes) builtin.EMQXOptions {
	return builtin.EMQXOptions{
		Algorithm: c.Algorithm, SaltPosition: c.SaltPosition,
		PBKDF2MAC: c.PBKDF2MAC, PBKDF2Iterations: c.PBKDF2Iterations, PBKDF2Length: c.PBKDF2Length,
	}
}

// userFaults takes over what is wrong with users: problems of a file keep their own place.
func (b *builder) userFaults(key string, err error) {
	var load *builtin.LoadError
	if !errors.As(err, &load) {
		b.fault(key, "%v", err)
		return
	}
	for _, p := range load.Problems {
		b.faults = append(b.faults, userProblem(p))
	}
	if load.More > 0 {
		b.fault(key, "and %d more lines like these", load.More)
	}
}

func userProblem(p builtin.Problem) config.Problem {
	return config.Problem{File: p.File, Line: p.Line, Text: p.Err.Error()}
}

// tokens makes the stage of tokens; nil where there is none, or where it can't. forUpstream
// and clientID, where they are not nil, tell which claims must be kept; before is the stage that
// it takes the place of, or nil.
func (b *builder) tokens(forUpstream *auth.Template, clientID *auth.ClientIDRule, before *jwt.Stage) *jwt.Stage {
	c := b.config.Auth.JWT
	if c == nil {
		return nil
	}
	faults := len(b.faults)
	o := jwt.Options{
		Secret:        c.Secret.Reveal(),
		JWKS:          b.jwks(c.JWKS),
		Leeway:        c.Leeway,
		IgnoreIAT:     !c.CheckIAT,
		RequireExp:    c.RequireExp,
		Claims:        b.claims(c),
		IdentityClaim: c.IdentityClaim,
		TokenCache:    c.TokenCache,
		Before:        before,
		Marker:        b.marker,
		Now:           b.now,
		Log:           b.log.Logger,
	}
	if c.From == config.FromUserName {
		o.From = jwt.FromUserName
	}
	if c.TokenCache == 0 {
		o.TokenCache = -1
	}
	if c.PublicKeyFile != "" {
		var ok bool
		if o.PublicKeyPEM, ok = b.readFile(publicKeyFile, c.PublicKeyFile, maxPEMFile); !ok {
			return nil
		}
		if len(o.PublicKeyPEM) == 0 { // which would mean that none is configured
			b.fault(publicKeyFile, "%s: the file is empty", c.PublicKeyFile)
			return nil
		}
	}
	if forUpstream != nil {
		o.KeepClaims = forUpstream.Claims()
	}
	if clientID != nil {
		o.KeepClaims = append(o.KeepClaims, clientID.Claims()...)
		o.BindsClientID = len(clientID.Claims()) > 0
	}
	// A declaration with a fault is no reason to leave the keys unchecked.
	stage, err := jwt.New(o)
	if err != nil {
		key, text := keyOf(err.Error())
		if key == publicKeyFile {
			text = c.PublicKeyFile + ": " + text
		}
		b.fault(key, "%s", text)
	}
	if len(b.faults) > faults {
		return nil
	}
	for _, w := range stage.Warnings() {
		key, text := keyOf(w)
		b.warn(key, "%s", text)
	}
	return stage
}

const publicKeyFile = "auth.jwt.public_key_file"

// keyOf splits a text of package jwt, which begins with the key that it concerns.
func keyOf(text string) (key, rest string) {
	if key, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(key, "auth.jwt") && !strings.Contains(key, " ") {
		return key, rest
	}
	return "auth.jwt", text
}

// claims are the declarations, or none where they are switched off.
func (b *builder) claims(c *config.JWT) map[string]*auth.Template {
	claims := map[string]*auth.Template{}
	for _, claim := range c.Claims {
		t, err := auth.ParseTemplate(claim.Value)
		if err != nil {
			b.fault(config.JoinKey("auth.jwt.claims", claim.Name), "%v", err)
			continue
		}
		if t.UsesCertName() {
			b.checkCertName(config.JoinKey("auth.jwt.claims", claim.Name))
		}
		claims[claim.Name] = t
	}
	if !c.VerifyClaims {
		return nil // config has warned; their templates are checked all the same
	}
	return claims
}

// jwks says how the key set is fetched; nil where there is none.
func (b *builder) jwks(c *config.JWKS) *jwt.JWKSOptions {
	if c == nil {
		return nil
	}
	o := &jwt.JWKSOptions{
		URL:             c.URL,
		RefreshInterval: c.RefreshInterval,
		MinRefetch:      c.MinRefetch,
		Timeout:         c.Timeout,
		MaxStale:        c.MaxStale,
		CacheFile:       c.CacheFile,
		Headers:         map[string]string{},
	}
	if folder := filepath.Dir(c.CacheFile); c.CacheFile != "" {
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			b.warn("auth.jwt.jwks_cache_file", "the folder %s does not exist: the keys can't be kept", folder)
		}
	}
	if c.CAFile != "" {
		roots, _ := b.authorities("auth.jwt.jwks_ca_file", c.CAFile)
		o.RootCAs = pool(roots)
	}
	for name, value := range c.Headers {
		o.Headers[name] = string(value.Reveal())
	}
	return o
}
