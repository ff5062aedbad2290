//go:build linux

package main_test

import (
	"crypto/tls"
	"flag"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/proxy/proxytest"
)

// soakTime makes the soak a long one, with thousands of clients:
//
//	go test ./cmd/mqttward -run Soak -soak 10m -timeout 20m -v
var soakTime = flag.Duration("soak", 0, "how long TestSoak lasts, with thousands of clients; 0 is a few seconds, with few")

// soakForm is how much the soak does, before each broker.
type soakForm struct {
	lasts     time.Duration
	workers   int
	residents int           // clients with a persistent session, and as many who send to them
	bad       int           // callers who are always refused
	flood     int           // connects at once
	reloads   int           // between two events
	tick      time.Duration // between two reloads
	pause     time.Duration // of a client, about
	drain     string
}

var (
	shortSoak = soakForm{workers: 48, residents: 8, bad: 14, flood: 120, reloads: 1, tick: 20 * time.Millisecond, pause: 80 * time.Millisecond, drain: "1s"}
	longSoak  = soakForm{workers: 1000, residents: 100, bad: 56, flood: 400, reloads: 3, tick: 600 * time.Millisecond, pause: 3 * time.Second, drain: "10s"}
)

// soakPatience is more than any answer takes on a machine that many share.
const soakPatience = time.Minute

// soak is a day of life of mqttward before one broker. What is not atomic and has no lock belongs to
// the test's goroutine.
type soak struct {
	t    *testing.T
	form soakForm
	l    *lineage
	log  *follower

	broker     *soakBroker
	ledger     *ledger
	forwarders [2]*forwarder
	provider   *authtest.Provider
	keys       []authtest.JWK
	settings   *settings

	tlsAt, adminAt string // listeners
	engines        []string
	upgradesDone   int
	drained        int // sessions that the processes had that were followed by another one
	bans           []banned

	outages, upgrades windows
	cutByOutages      int
	over              atomic.Bool
	faults, live      atomic.Int64
	strangers         addresses
	tally             tally
}

// tally is what clients have counted.
type tally struct {
	verdicts, sessions, cutSessions, farewells, cutConnects, drainedConnects atomic.Int64
	acked, returned, resent                                                  atomic.Int64
	resumed, takenOver, queued, kept, redelivered                            atomic.Int64
	limited, banned, tlsFull, tlsResumed                                     atomic.Int64
}

// TestSoak has clients of all versions at work, by plain TCP and TLS, with passwords and tokens, some
// with sessions that outlive their connections, and others who are refused, while all that happens in
// a year happens: see events. Each message is counted, and each verdict is one that was due.
func TestSoak(t *testing.T) {
	for _, kind := range []struct {
		name  string
		start func(*testing.T, *soak)
	}{
		{"embedded", startCountingBroker},
		{"mosquitto", startSoakMosquitto},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			newSoak(t, kind.start).run()
		})
	}
}

// run has the clients work in two shifts. In the second there is no upgrade, so that what the last
// process holds without clients before and after it can be compared.
func (s *soak) run() {
	empty := s.used()
	cast := s.cast()
	begin := time.Now()
	s.shift(cast, begin.Add(s.form.lasts*6/10), true)
	before := s.usedAfterShift(empty)
	s.shift(cast, begin.Add(s.form.lasts), false)
	after := s.usedAfterShift(empty)
	s.judge(cast)
	s.flat(empty, before, after)
	s.end()
}

// shift has everybody work until a time, and waits until they have left.
func (s *soak) shift(c *cast, until time.Time, upgrades bool) {
	s.over.Store(false)
	var all sync.WaitGroup
	finish := func() {
		s.over.Store(true)
		all.Wait()
	}
	defer finish() // for a test that fails meanwhile
	for _, b := range c.bad {
		all.Go(b.insist)
	}
	for _, k := range c.workers {
		all.Go(k.work)
	}
	for _, r := range c.residents {
		all.Go(r.live)
	}
	s.disturb(until, upgrades)
	s.settle()
}

// settle waits until nearly all clients are connected: nobody may have been left behind.
func (s *soak) settle() {
	if s.t.Failed() {
		return
	}
	proxytest.Eventually(s.t, "most clients are connected", func() bool { return s.live.Load() >= int64(s.form.workers)*7/10 })
}

func newSoak(t *testing.T, start func(*testing.T, *soak)) *soak {
	s := &soak{t: t, form: shortSoak}
	if *soakTime > 0 {
		s.form = longSoak
		s.form.lasts = *soakTime
	}
	s.ledger = newLedger(s.fault)
	s.settings = newSettings(t)
	start(t, s)
	for n := range s.forwarders {
		s.forwarders[n] = startForwarder(t, soakAddress(n), s.broker)
		s.settings.upstreams = append(s.settings.upstreams, s.forwarders[n].address)
	}
	s.keys = []authtest.JWK{authtest.NewSigner("ES256", 0).JWK("k0"), authtest.NewSigner("RS256", 0).JWK("k1")}
	s.provider = authtest.NewProvider(s.keys...)
	s.settings.jwks = s.provider.Start(t)
	s.settings.drain = s.form.drain
	s.settings.restore()
	s.l = startLineage(t, s.settings.text(), func(c *exec.Cmd) {
		c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	})
	s.settings.file = s.l.file
	s.log = followLog(t, s.l.dir)
	s.await("it listens by TLS", func() bool { return tlsAddress.MatchString(s.l.log()) && adminAddress.MatchString(s.l.log()) })
	s.tlsAt, s.adminAt = tlsAddress.FindStringSubmatch(s.l.log())[1], adminAddress.FindStringSubmatch(s.l.log())[1]
	s.log.count(wordReloaded)
	s.engines = s.enginesHere()
	proxytest.Eventually(t, "the key set is there", func() bool {
		_, err := os.Stat(s.settings.cacheFile())
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

// await waits for something that happens sooner or later.
func (s *soak) await(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(soakPatience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never happened: %s", what)
		}
	}
}

// trusting is what a TLS client of a listener goes by.
func (s *soak) trusting() *tls.Config {
	return &tls.Config{RootCAs: s.settings.ca.Pool(), ServerName: "localhost"}
}
