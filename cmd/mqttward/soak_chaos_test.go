//go:build linux

package main_test

import (
	"os"
	"sync"
	"syscall"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// windows are the times in which something is disturbed.
type windows struct {
	mu   sync.Mutex
	open bool
	down time.Time // when what the last one disturbs was down, all of it
	over time.Time // the end of the last one
}

func (w *windows) begin() { w.set(true) }
func (w *windows) end()   { w.set(false) }

func (w *windows) set(open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = open
	w.over = time.Now()
}

// isDown notes that from now on whoever comes has nothing to do with what is down.
func (w *windows) isDown() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = time.Now()
}

// met reports whether something that began at t may have met what then went down.
func (w *windows) met(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open && w.down.Before(w.over) || t.Before(w.down)
}

// since reports whether anything was disturbed at t or later.
func (w *windows) since(t time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open || t.Before(w.over)
}

// event is one thing that happens to mqttward.
type event struct {
	name string
	do   func(*soak)
}

// upgradeEvent is not among the others in the soak's second half, when memory is compared.
const upgradeEvent = "upgrade"

// events happen in this order, one for each tick, again and again. The upgrade happens while the key
// set can't be had.
var events = []event{
	{"certificate", (*soak).rotateCertificate},
	{"outage of one address", func(s *soak) { s.outage(0) }},
	{"it returns", func(s *soak) { s.recovery(0) }},
	{"key set down", func(s *soak) { s.provider.Set(authtest.Down()) }},
	{"flood", (*soak).flood},
	{upgradeEvent, (*soak).upgrade},
	{"key set junk", func(s *soak) { s.provider.Set(authtest.Junk()) }},
	{"key set back", func(s *soak) { s.provider.Set(authtest.Keys(s.keys...)) }},
	{"outage of the other address", func(s *soak) { s.outage(1) }},
	{"it returns", func(s *soak) { s.recovery(1) }},
}

// disturb lets all happen at least once, until a time.
func (s *soak) disturb(until time.Time, upgrades bool) {
	for round := 0; round == 0 || time.Now().Before(until); round++ {
		for _, e := range events {
			if s.t.Failed() {
				return
			}
			if e.name == upgradeEvent && !upgrades {
				continue
			}
			s.reload()
			e.do(s)
			time.Sleep(s.form.tick)
		}
	}
}

// reload sends SIGHUP, with a good configuration and broken ones by turns, and sees that a user who
// comes and goes with the good ones is judged by the last good one.
func (s *soak) reload() {
	reloads := s.reloads
	s.reloads++
	if reloads%2 == 0 {
		s.late = !s.late
		s.restore()
		s.hangUp(wordReloaded)
	} else {
		breaks := s.breaks()
		breaks[reloads/2%len(breaks)]()
		s.hangUp(wordNotReloaded)
		s.restore()
	}
	c := &caller{s: s, from: "127.0.0.1", address: s.l.address, connect: connectAs(packets.V311, goodID+"late", "late", "late's")}
	if !s.late {
		c.connect.ClientID, c.want = []byte("late"), 5
	}
	if w := c.verdict(); w != nil {
		w.Close()
	}
}

// hangUp sends SIGHUP, and waits until the log tells how that went.
func (s *soak) hangUp(word string) {
	before := s.log.count(word)
	if err := syscall.Kill(s.l.pid, syscall.SIGHUP); err != nil {
		s.fault("SIGHUP: %v", err)
		return
	}
	proxytest.Eventually(s.t, "the log says "+word, func() bool { return s.log.count(word) > before })
}

// breaks are the ways in which what is read is faulty.
func (s *soak) breaks() []func() {
	return []func(){
		func() { s.l.configure("nonsense") },
		func() { s.l.configure(s.config() + "\n[limits]\nconnect_timeout = \"1s\"\n") }, // twice
		func() { s.write(s.users, "late:not a hash\n") },
		func() { s.write(s.cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") },
		func() { _ = os.Remove(s.key) },
		func() { _ = os.Remove(s.users) },
	}
}

// restore writes the good files.
func (s *soak) restore() {
	s.l.configure(s.config())
	s.write(s.users, s.passwords())
	proxytest.WriteFiles(s.t, s.certificate, s.cert, s.key)
}

func (s *soak) write(name, text string) {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		s.fault("%v", err)
	}
}

// rotateCertificate has a new certificate shown by the time that the reload is done.
func (s *soak) rotateCertificate() {
	s.certificate = s.ca.Issue("localhost")
	s.restore()
	s.hangUp(wordReloaded)
	shown, err := s.shownCertificate()
	if err != nil {
		s.fault("with a new certificate: %v", err)
	} else if !shown.Equal(s.certificate.Leaf) {
		s.fault("a new certificate is not in force after the reload")
	}
}

// outage lets one address of the broker go, with all the sessions that it carries.
func (s *soak) outage(n int) {
	s.outages.begin()
	s.cutByOutages += s.forwarders[n].down()
	s.outages.isDown()
}

func (s *soak) recovery(n int) {
	s.forwarders[n].up()
	time.Sleep(s.form.tick)
	s.outages.end()
}

// flood connects from one address with wrong passwords, more than may be judged.
func (s *soak) flood() {
	var all sync.WaitGroup
	for n := range s.form.flood {
		all.Go(func() {
			c := &caller{s: s, from: "127.0.8.1", address: s.l.address,
				connect: connectAs([]packets.Version{packets.V31, packets.V311, packets.V5}[n%3], "flood", "user-0", "wrong")}
			w, code, err := c.dial()
			if err != nil {
				s.fault("flood: %v", err)
				return
			}
			w.Close()
			switch code {
			case 4, 0x86:
			case 3, 0x9F:
				s.limited.Add(1)
			default:
				s.fault("flood: %v: code %#x", c.connect.Version, code)
			}
		})
	}
	all.Wait()
}

// upgrade has the next process take over, and waits until the old one has drained and ended.
func (s *soak) upgrade() {
	s.upgrades.begin()
	defer s.upgrades.end()
	served, stopped := s.log.count(wordServes), s.stopped()
	if err := syscall.Kill(s.l.pid, syscall.SIGUSR2); err != nil {
		s.fault("SIGUSR2: %v", err)
		return
	}
	proxytest.Eventually(s.t, "the new process serves", func() bool { return s.log.count(wordServes) == served+1 })
	s.l.pid = s.log.successor
	proxytest.Eventually(s.t, "the old process has ended", func() bool { return s.stopped() == stopped+1 })
}

// stopped is how many processes have ended, with sessions cut or not.
func (s *soak) stopped() int { return s.log.count(wordStopped) + s.log.count(wordCut) }
