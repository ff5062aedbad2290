package proxy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// Traffic is what sessions carry, and have carried, as of one moment.
type Traffic struct {
	// BytesUp and BytesDown count what went to the broker and to the clients so far, live
	// sessions included. They never become less.
	BytesUp, BytesDown uint64
	// Sessions are those that are live, by what they have in common, in order. Where there are
	// none, they are not listed.
	Sessions []SessionCount
}

// SessionCount is how many live sessions have a listener, a version and an upstream address in
// common.
type SessionCount struct {
	Listener string
	Version  packets.Version
	Upstream string // as configured
	Count    int
}

// Traffic counts. Nothing is counted on the path of the bytes but each session's own: it looks
// at every session, and so is for those who ask every few seconds.
func (s *Server) Traffic() Traffic {
	sessions, t := s.roster.live()
	links := make([]relay.Link, len(sessions))
	counts := map[SessionCount]int{}
	for i := 0; i < len(sessions); i += linksAtOnce {
		last := min(i+linksAtOnce, len(sessions))
		s.starting.links(links[i:last], sessions[i:last])
	}
	for i, session := range sessions {
		counts[SessionCount{Listener: session.listener.Name, Version: session.version, Upstream: session.upstream.Load().Name}]++
		if links[i] == nil {
			continue
		}
		passed := links[i].Stats()
		t.BytesUp += session.sent + passed.BytesUp
		t.BytesDown += passed.BytesDown
	}
	for count, n := range counts {
		count.Count = n
		t.Sessions = append(t.Sessions, count)
	}
	slices.SortFunc(t.Sessions, func(a, b SessionCount) int {
		return cmp.Or(strings.Compare(a.Listener, b.Listener), cmp.Compare(a.Version, b.Version), strings.Compare(a.Upstream, b.Upstream))
	})
	return t
}

// linksAtOnce bounds for how long sessions that begin wait for one that counts.
const linksAtOnce = 1024

// links takes the links of sessions, nil for one whose relay has not started.
func (s *starting) links(to []relay.Link, sessions []*session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, session := range sessions {
		to[i] = session.link
	}
}

// live returns the sessions that are live, and what those before them have carried. Both are of
// one moment, so that no byte is counted twice, or taken back.
func (r *roster) live() ([]*session, Traffic) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.sessions)), Traffic{BytesUp: r.up, BytesDown: r.down}
}
