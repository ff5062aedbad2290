package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
)

// The demo's user.
const (
	demoUser     = "alice"
	demoPassword = "wonderland"
)

// iterations of the hash of demoPassword: some hundredths of a second, which nobody waits for.
const iterations = 20_000

// places are the addresses of a demo.
type places struct{ Broker, Plain, TLS, Bound string }

// openConfig is the configuration of the first mqttward: a user, and any token of the secret.
func openConfig(p places) (string, error) {
	hash, err := passwordHash(demoPassword)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`[[listener]]
name = "plain"
bind = %q

[[listener]]
name = "tls"
bind = %q
[listener.tls]
cert_file = %q
key_file = %q

[upstream]
addresses = [%q]

[[auth.builtin.user]]
name = %q
password_hash = %q

[auth.jwt]
secret = %q

[shutdown]
drain_timeout = "5s"

[log]
format = "text"
`, p.Plain, p.TLS, certFile, keyFile, p.Broker, demoUser, hash, sampleSecret), nil
}

// boundConfig is the configuration of the second: a token is good for the user name in it
// alone, and must expire.
func boundConfig(p places) string {
	return fmt.Sprintf(`[[listener]]
name = "bound"
bind = %q

[upstream]
addresses = [%q]

[auth.jwt]
secret = %q
require_exp = true

[auth.jwt.claims]
username = "%%u"

[shutdown]
drain_timeout = "5s"

[log]
format = "text"
`, p.Bound, p.Broker, sampleSecret)
}

// passwordHash hashes as mosquitto_passwd does: $7$iterations$salt$hash.
func passwordHash(password string) (string, error) {
	salt := make([]byte, 12)
	rand.Read(salt)
	sum, err := pbkdf2.Key(sha512.New, password, salt, iterations, sha512.Size)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("$7$%d$%s$%s", iterations, encode(salt), encode(sum)), nil
}
