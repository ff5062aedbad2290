//go:build linux

package main_test

import (
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// soakTime makes the soak a long one, with thousands of clients:
//
//	go test ./cmd/mqttward -run Soak -soak 10m -timeout 20m -v
var soakTime = flag.Duration("soak", 0, "how long TestSoak lasts, with thousands of clients; 0 is a few seconds, with few")

// soakForm is how much the soak does.
type soakForm struct {
	lasts   time.Duration
	workers int
	bad     int           // callers who are always refused
	flood   int           // connects at once
	tick    time.Duration // between two events
	pause   time.Duration // of a client, about
	drain   string
}

var (
	shortSoak = soakForm{workers: 60, bad: 21, flood: 120, tick: 20 * time.Millisecond, pause: 40 * time.Millisecond, drain: "1s"}
	longSoak  = soakForm{workers: 2000, bad: 70, flood: 400, tick: time.Second, pause: 3 * time.Second, drain: "3s"}
)

// goodID begins the client ids of those who may come in.
const goodID = "good-"

// soak is a day of mqttward's life.
type soak struct {
	t    *testing.T
	form soakForm
	l    *lineage
	log  *follower

	broker      *countingBroker
	forwarders  [2]*forwarder
	ca          *proxytest.CA
	certificate tls.Certificate // the one in force
	cert, key   string          // its files
	tlsAt       string          // the listener
	users       string          // the file
	late        bool            // whether the user "late" is in it
	provider    *authtest.Provider
	keys        []authtest.JWK
	jwks        string // the provider's URL
	reloads     int

	outages, upgrades windows
	cutByOutages      int
	over              atomic.Bool
	faults, live      atomic.Int64

	verdicts, sessions, cutSessions, cutConnects, limited, acked, returned, resent atomic.Int64
}

// TestSoak has clients of all versions at work, by plain TCP and TLS, with passwords and tokens, and
// others who are refused, while all that happens in a year happens: see events.
func TestSoak(t *testing.T) {
	s := newSoak(t)
	empty := used(s.l.pid)
	var bad, good sync.WaitGroup
	workers := s.workers()
	for _, c := range s.refusedCallers() {
		bad.Go(c.insist)
	}
	for _, k := range workers {
		good.Go(k.work)
	}
	finish := func() {
		s.over.Store(true)
		good.Wait()
		bad.Wait()
	}
	defer finish() // for a test that fails before
	begin := time.Now()
	s.disturb(begin.Add(s.form.lasts*6/10), true)
	s.settle()
	middle := used(s.l.pid)
	s.disturb(begin.Add(s.form.lasts), false)
	s.settle()
	end := used(s.l.pid)
	finish()
	s.judge(workers)
	s.flat(empty, middle, end)
}

func newSoak(t *testing.T) *soak {
	s := &soak{t: t, form: shortSoak, ca: proxytest.NewCA(t, "soak")}
	if *soakTime > 0 {
		s.form = longSoak
		s.form.lasts = *soakTime
	}
	s.broker = startCountingBroker(t, s.fault)
	for n := range s.forwarders {
		s.forwarders[n] = startForwarder(t, fmt.Sprint("127.0.9.", 1+n), s.broker.address)
	}
	s.keys = []authtest.JWK{authtest.NewSigner("ES256", 0).JWK("k0"), authtest.NewSigner("RS256", 0).JWK("k1")}
	s.provider = authtest.NewProvider(s.keys...)
	s.jwks = s.provider.Start(t)
	dir := t.TempDir()
	s.cert, s.key, s.users = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "users")
	s.certificate = s.ca.Issue("localhost")
	proxytest.WriteFiles(t, s.certificate, s.cert, s.key)
	s.write(s.users, s.passwords())
	s.l = startLineage(t, s.config(), func(c *exec.Cmd) {
		c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	})
	s.log, s.tlsAt = followLog(t, s.l.dir), tlsAddress.FindStringSubmatch(s.l.log())[1]
	proxytest.Eventually(t, "the key set is there", func() bool {
		_, err := os.Stat(s.cacheFile())
		return err == nil
	})
	return s
}

func (s *soak) goesOn() bool { return !s.over.Load() && s.faults.Load() < 20 }

// fault fails the test; the first twenty are told.
func (s *soak) fault(format string, args ...any) {
	if s.faults.Add(1) <= 20 {
		s.t.Errorf(format, args...)
	}
}

// config is a good configuration. What live sessions must not feel changes with each reload.
func (s *soak) config() string {
	return plainListener + tlsListener(s.cert, s.key) +
		upstreamAt(s.forwarders[0].address, s.forwarders[1].address) + fmt.Sprintf(`
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
connect_rate_per_address = %d
[shutdown]
drain_timeout = %q
[log]
format = "text"
`, s.users, authtest.SampleSecret, s.jwks, s.cacheFile(), s.reloads%7, 40+s.reloads%10, s.form.drain)
}

func (s *soak) cacheFile() string { return s.users + ".jwks" }

// passwords is the file of users, who have their names with "'s" as passwords.
func (s *soak) passwords() string {
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

var tlsAddress = regexp.MustCompile(`msg=listening listener=tls address=(\S+)`)

// shownCertificate is what the TLS listener shows.
func (s *soak) shownCertificate() (*x509.Certificate, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.tlsAt, s.trusting())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func (s *soak) trusting() *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), ServerName: "localhost"}
}

// settle waits until nearly all clients are connected, so that memory can be compared.
func (s *soak) settle() {
	if s.t.Failed() {
		return
	}
	proxytest.Eventually(s.t, "most clients are connected", func() bool { return s.live.Load() >= int64(s.form.workers)*8/10 })
}

// connectAs is a CONNECT.
func connectAs(v packets.Version, id, user, password string) packets.Connect {
	return packets.Connect{
		Version: v, CleanStart: true, KeepAlive: 60, ClientID: []byte(id),
		HasUserName: true, UserName: []byte(user), HasPassword: true, Password: []byte(password),
	}
}
