//go:build linux

package main_test

import (
	"sync"
	"sync/atomic"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
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
	do func(*soak)
	// first says that it happens in the first shift only; slow, that it takes seconds, and in a soak
	// of seconds happens in the first shift only.
	first, slow bool
}

// events happen in this order, again and again, with reloads between them. One upgrade happens
// while the key set can't be had, the other while an address of the broker is down.
var events = []event{
	{do: (*soak).rotateCertificate},
	{do: func(s *soak) { s.outage(0) }},
	{do: func(s *soak) { s.recovery(0) }},
	{do: func(s *soak) { s.loseKeys(authtest.Down()) }, slow: true},
	{do: (*soak).flood},
	{do: (*soak).upgrade, first: true},
	{do: func(s *soak) { s.loseKeys(authtest.Junk()) }, slow: true},
	{do: (*soak).findKeys},
	{do: (*soak).rotateTicketKeys},
	{do: (*soak).ban},
	{do: func(s *soak) { s.outage(1) }},
	{do: (*soak).upgrade, first: true},
	{do: func(s *soak) { s.recovery(1) }},
	{do: (*soak).changeFiles, slow: true},
}

// disturb lets all happen at least once, until a time.
func (s *soak) disturb(until time.Time, upgrades bool) {
	for round := 0; round == 0 || time.Now().Before(until); round++ {
		for _, e := range events {
			if s.t.Failed() {
				return
			}
			if !upgrades && (e.first || e.slow && s.form.lasts == 0) {
				continue
			}
			e.do(s)
			for range s.form.reloads {
				time.Sleep(s.form.tick)
				s.reload()
			}
		}
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

// loseKeys has the key set's server fail, and sees that this is told, and nothing else becomes of it.
// Somebody with an unknown key has it fetched.
func (s *soak) loseKeys(a authtest.Answer) {
	const failures, good = "mqttward_jwks_fetch_total", `mqttward_jwks_fetch_total{result="ok"}`
	failed := func(m map[string]float64) float64 { return sumOf(m, failures) - m[good] }
	before := s.metrics()
	told := s.log.count(wordFetchFailed)
	s.provider.Set(a)
	s.await("a failed fetch is told", func() bool { return s.log.count(wordFetchFailed) > told })
	after := s.metrics()
	if failed(after) <= failed(before) {
		s.fault("the key set can't be had: %v fetches have failed, and before %v", failed(after), failed(before))
	}
	s.keysHold(after)
}

// findKeys has the key set's server answer again.
func (s *soak) findKeys() {
	before := s.metric(`mqttward_jwks_fetch_total{result="ok"}`)
	s.provider.Set(authtest.Keys(s.keys...))
	if s.form.lasts == 0 {
		return // a fetch may be due in ten seconds
	}
	s.await("the key set is fetched again", func() bool { return s.metric(`mqttward_jwks_fetch_total{result="ok"}`) > before })
	s.keysHold(s.metrics())
}

// keysHold sees that all keys are in force.
func (s *soak) keysHold(m map[string]float64) {
	if got := int(m["mqttward_jwks_keys"]); got != len(s.keys) {
		s.fault("%d keys are in force, want %d", got, len(s.keys))
	}
}

// flood connects from one address more often than may be judged, with what never has it banned: again
// where a slow machine took so long that all were judged.
func (s *soak) flood() {
	token := expiredToken()
	var limited atomic.Int64
	for tries := 0; limited.Load() == 0 && tries < 10; tries++ {
		var all sync.WaitGroup
		for n := range s.form.flood {
			all.Go(func() {
				v := []packets.Version{packets.V31, packets.V311, packets.V5}[n%3]
				c := &caller{s: s, from: "127.0.8.1", address: s.l.address, connect: connectAs(v, "flood", "eve", token)}
				if c.floods() {
					limited.Add(1)
				}
			})
		}
		all.Wait()
	}
	s.tally.limited.Add(limited.Load())
}

// floods is one connect of a flood, and reports whether it was too many.
func (c *caller) floods() (limited bool) {
	w, code, err := c.dial()
	if err != nil {
		c.s.fault("flood: %v", err)
		return false
	}
	w.Close()
	limited = code == map[packets.Version]byte{packets.V31: 3, packets.V311: 3, packets.V5: 0x9F}[c.connect.Version]
	if !limited && code != codeFor(c.connect.Version, false) {
		c.s.fault("flood: %v: code %#x", c.connect.Version, code)
	}
	return limited
}
