//go:build linux

package main_test

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/proxy/proxytest"
)

// settings are the configuration of the soak, and the files that it names, as they should be.
type settings struct {
	t    *testing.T
	dir  string
	file string // the configuration; empty before there is one

	ca          *proxytest.CA
	certificate tls.Certificate // of the listener
	own         tls.Certificate // towards the broker
	ticketKeys  []string        // newest first
	late        bool            // whether the user "late" has a line
	upstreams   []string
	upstreamTLS bool
	engine      string
	watch       bool
	turn        int // changes what live sessions must not feel
	jwks, drain string
}

// The files that the configuration names.
const (
	fileUsers     = "users"
	fileCert      = "cert.pem"
	fileKey       = "key.pem"
	fileTickets   = "ticket-keys"
	fileBrokerCA  = "broker-ca.pem"
	fileOwnCert   = "own-cert.pem"
	fileOwnKey    = "own-key.pem"
	fileJWKSCache = "jwks-cache.json"
)

func newSettings(t *testing.T) *settings {
	ca := proxytest.NewCA(t, "soak")
	return &settings{
		t: t, dir: t.TempDir(), ca: ca, engine: "auto",
		certificate: ca.Issue("localhost"), own: ca.Issue("mqttward"), ticketKeys: []string{newTicketKey()},
	}
}

func newTicketKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

func (s *settings) path(name string) string { return filepath.Join(s.dir, name) }
func (s *settings) cacheFile() string       { return s.path(fileJWKSCache) }

// text is the good configuration.
func (s *settings) text() string {
	return plainListener + tlsListener(s.path(fileCert), s.path(fileKey), fmt.Sprintf("session_ticket_keys_file = %q", s.path(fileTickets))) +
		upstreamAt(s.upstreams...) + fmt.Sprintf(`
[upstream.tls]
enabled = %v
ca_file = %q
cert_file = %q
key_file = %q
server_name = "localhost"
[auth.builtin]
users_file = %q
[auth.jwt]
secret = %q
jwks_url = %q
jwks_cache_file = %q
jwks_refresh_interval = "10s"
jwks_min_refetch = "1s"
expire_jitter = "%ds"
[auth.jwt.claims]
username = "%%u"
[limits]
connect_timeout = "1m"
auth_timeout = "1m"
dial_timeout = "2m"
connack_timeout = "1m"
connect_rate_per_address = %d
[limits.ban]
failures = %d
time = %q
[relay]
engine = %q
[shutdown]
drain_timeout = %q
[reload]
watch = %v
[log]
format = "text"
[admin]
bind = "127.0.0.1:0"
pprof = true
`, s.upstreamTLS, s.path(fileBrokerCA), s.path(fileOwnCert), s.path(fileOwnKey), s.path(fileUsers),
		authtest.SampleSecret, s.jwks, s.cacheFile(), s.turn%7, 40+s.turn%10, banFailures, banTime, s.engine, s.drain, s.watch)
}

// passwords is the file of users, who have their names with "'s" as passwords.
func (s *settings) passwords() string {
	var all strings.Builder
	names := []string{"user-0", "user-1", "user-2"}
	if s.late {
		names = append(names, "late")
	}
	for _, name := range names {
		salt := []byte("salt of " + name)
		sum := sha512.Sum512(append([]byte(name+"'s"), salt...))
		fmt.Fprintf(&all, "%s:$6$%s$%s\n", name, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(sum[:]))
	}
	return all.String()
}

// restore writes every file as it should be.
func (s *settings) restore() {
	s.configure(s.text())
	s.write(fileUsers, s.passwords())
	s.write(fileTickets, strings.Join(s.ticketKeys, "\n")+"\n")
	s.write(fileBrokerCA, string(s.ca.PEM()))
	s.writePair(s.certificate, fileCert, fileKey)
	s.writePair(s.own, fileOwnCert, fileOwnKey)
}

// configure writes another configuration than the good one.
func (s *settings) configure(text string) {
	if s.file != "" {
		s.place(s.file, []byte(text))
	}
}

func (s *settings) write(name, text string) { s.place(s.path(name), []byte(text)) }

func (s *settings) writePair(pair tls.Certificate, cert, key string) {
	proxytest.WriteFiles(s.t, pair, s.path(cert)+".new", s.path(key)+".new")
	for _, name := range []string{cert, key} {
		if err := os.Rename(s.path(name)+".new", s.path(name)); err != nil {
			s.t.Errorf("write %s: %v", name, err)
		}
	}
}

// place has a file appear by a rename, so that nobody reads half of it.
func (s *settings) place(path string, text []byte) {
	half := path + ".new"
	err := os.WriteFile(half, text, 0o600)
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		s.t.Errorf("write: %v", err)
	}
}
