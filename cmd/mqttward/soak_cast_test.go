//go:build linux

package main_test

import (
	"fmt"
	"strings"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// The signers of the soak's tokens: by the secret, and by the two keys of the key set.
func soakSigners() []func(claims map[string]any) string {
	return []func(map[string]any) string{
		authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign,
		signWithKid("ES256", "k0"),
		signWithKid("RS256", "k1"),
	}
}

func signWithKid(alg, kid string) func(map[string]any) string {
	signer := authtest.NewSigner(alg, 0)
	return func(claims map[string]any) string {
		return signer.SignWith(map[string]any{"kid": kid}, claims)
	}
}

// workers are those who may come in: of each version, by plain TCP and, one of four, by TLS, with a
// password or a token of each kind.
func (s *soak) workers() []*worker {
	signers, trusting := soakSigners(), s.trusting()
	all := make([]*worker, s.form.workers)
	for n := range all {
		user := fmt.Sprint("user-", n%3)
		password := user + "'s"
		if kind := n % 4; kind > 0 {
			user = fmt.Sprint("device-", n)
			password = signers[kind-1](map[string]any{"username": user, "exp": time.Now().Add(24 * time.Hour).Unix()})
		}
		k := &worker{name: fmt.Sprint(goodID, n), caller: caller{s: s, from: fmt.Sprintf("127.1.%d.%d", n/250, 1+n%250), address: s.l.address,
			connect: connectAs(soakVersion(n), "", user, password)}}
		if n/12%4 == 0 {
			k.address, k.tls = s.tlsAt, trusting
		}
		all[n] = k
	}
	return all
}

func soakVersion(n int) packets.Version {
	return []packets.Version{packets.V31, packets.V311, packets.V5}[n/4%3]
}

// refusedCallers are those who may not, each for its reason.
func (s *soak) refusedCallers() []*caller {
	signers := soakSigners()
	hour := time.Now().Add(time.Hour).Unix()
	kinds := []struct{ user, password string }{
		{"user-1", "wrong"},
		{"nobody", "user-1's"},
		{"eve", signers[0](map[string]any{"username": "alice", "exp": hour})}, // another's
		{"eve", signers[1](map[string]any{"username": "eve", "exp": time.Now().Add(-time.Second).Unix()})},
		{"eve", signWithKid("ES256", "unknown")(map[string]any{"username": "eve", "exp": hour})},
		{"eve", authtest.NewSigner("RS256", 1).SignWith(map[string]any{"kid": "k1"}, map[string]any{"username": "eve"})},
		{"user-2", signers[0](map[string]any{"username": "user-2", "exp": hour})}, // a known user has a password
	}
	all := make([]*caller, s.form.bad)
	for n := range all {
		kind := kinds[n%len(kinds)]
		c := &caller{s: s, from: fmt.Sprint("127.2.0.", 1+n), address: s.l.address,
			connect: connectAs(soakVersion(4*(n/len(kinds))), fmt.Sprint("bad-", n), kind.user, kind.password)}
		v5 := c.connect.Version == packets.V5
		switch wrong := strings.HasPrefix(kind.user, "user-"); { // a known user
		case wrong && v5:
			c.want = 0x86
		case wrong:
			c.want = 4
		case v5:
			c.want = 0x87
		default:
			c.want = 5
		}
		all[n] = c
	}
	return all
}

// judge compares what clients and broker have counted, when all is over.
func (s *soak) judge(workers []*worker) {
	s.t.Logf("%d sessions came to their end, %d were cut (%d connections by outages), %d connects met an outage; %d verdicts, %d of the flood limited; %d reloads, %d upgrades",
		s.sessions.Load(), s.cutSessions.Load(), s.cutByOutages, s.cutConnects.Load(), s.verdicts.Load(), s.limited.Load(), s.reloads, s.log.count(wordServes))
	_, doubled := s.broker.got("")
	s.t.Logf("%d messages acknowledged, %d came back; %d sent again, of which the broker had %d already",
		s.acked.Load(), s.returned.Load(), s.resent.Load(), doubled)
	if doubled > s.resent.Load() {
		s.t.Errorf("%d messages have come twice, and %d were sent again", doubled, s.resent.Load())
	}
	for _, k := range workers {
		if last, _ := s.broker.got(k.name); last < k.acked || last > k.sent || k.sent == 0 {
			s.t.Errorf("%s: the broker's last message is %d; acknowledged were %d, sent %d", k.name, last, k.acked, k.sent)
		}
	}
	if most := int64(s.cutByOutages + s.log.count(wordServes)*len(workers)); s.cutSessions.Load() > most {
		s.t.Errorf("%d sessions were cut, want at most the %d that outages and upgrades explain", s.cutSessions.Load(), most)
	}
	if s.limited.Load() == 0 || s.log.count(wordServes) == 0 {
		s.t.Errorf("%d of the flood limited, %d upgrades: want some", s.limited.Load(), s.log.count(wordServes))
	}
	if cut := s.log.count(wordCut); cut > 0 && s.form.lasts > 0 { // a machine that is busy may want more than the short form's second
		s.t.Errorf("%d drains were not done in time", cut)
	}
	for _, line := range s.log.bad {
		s.t.Errorf("the log has: %s", line)
	}
}

// The room that memory and descriptors are given: the heap's pace between two collections, and what
// is made once, such as event loops.
const (
	roomResident = 8 << 10 // KiB, beside a quarter
	roomFiles    = 24
)

// flat sees that what the last process holds has not grown while it had the same clients, and that
// with the last of them their descriptors went.
func (s *soak) flat(empty, middle, end usage) {
	if s.t.Failed() {
		return
	}
	var after usage
	proxytest.Eventually(s.t, "the descriptors of sessions are closed", func() bool {
		after = used(s.l.pid)
		return after.files > 0 && after.files <= empty.files+roomFiles
	})
	s.t.Logf("at the start: %v; in the middle: %v; at the end: %v; without clients: %v", empty, middle, end, after)
	if end.resident > middle.resident*5/4+roomResident {
		s.t.Errorf("memory: %d KiB at the end, %d in the middle", end.resident, middle.resident)
	}
}
