package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"mqttward/packets"
	"mqttward/proxy"
)

// status is /status as JSON. Times are RFC 3339 in UTC; a time that there is not is absent. What
// is added later gets keys of its own: none changes its meaning.
type status struct {
	Version      string              `json:"version"`
	Now          time.Time           `json:"now"`
	Started      time.Time           `json:"started"`
	Ready        bool                `json:"ready"`
	NotReady     []string            `json:"not_ready"` // why
	Draining     bool                `json:"draining"`
	Config       configStatus        `json:"config"`
	Stages       []string            `json:"stages"`
	Listeners    []listenerStatus    `json:"listeners"`
	Upstreams    []upstreamStatus    `json:"upstreams"`
	KeySets      []keySetStatus      `json:"key_sets"`
	Certificates []certificateStatus `json:"certificates"`
	Bytes        bytesStatus         `json:"bytes"`
	Refusals     refusalsStatus      `json:"refusals"`
	WouldRefuse  sparedStatus        `json:"would_refuse"`
	Unheard      unheardStatus       `json:"before_connect"`
	Bans         bansStatus          `json:"bans"`
	Notices      []string            `json:"notices"` // what whoever looks must know
}

type configStatus struct {
	Loaded               time.Time           `json:"loaded"`
	LastReloadSuccessful bool                `json:"last_reload_successful"`
	LastSuccess          *time.Time          `json:"last_reload_success,omitempty"`
	LastFailure          *failedReloadStatus `json:"last_reload_failure,omitempty"` // also where one succeeded since
}

type failedReloadStatus struct {
	Time     time.Time `json:"time"`
	Problems []string  `json:"problems"` // as in the log
	More     int       `json:"more"`     // how many are left out
}

type listenerStatus struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
	// Observed is the share of client ids, in per cent, whom the stages do not refuse here.
	Observed int `json:"observed_percent"`
	// Connections are all that are open, those without a verdict included.
	Connections int64 `json:"connections"`
	// Sessions are those that were let in, by the version that they speak.
	Sessions map[string]int `json:"sessions"`
}

type upstreamStatus struct {
	Address  string     `json:"address"`
	Up       bool       `json:"up"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
	Sessions int        `json:"sessions"`
}

type keySetStatus struct {
	URL        string            `json:"url"`
	Usable     bool              `json:"usable"`
	Keys       int               `json:"keys"`
	PassedOver int               `json:"passed_over"`
	Fetched    *time.Time        `json:"fetched,omitempty"`
	AgeSeconds *int64            `json:"age_seconds,omitempty"`
	FromCache  bool              `json:"from_cache"`
	Fetches    map[string]uint64 `json:"fetches"` // by result
}

type certificateStatus struct {
	Name     string    `json:"name"`
	NotAfter time.Time `json:"not_after"`
}

type bytesStatus struct {
	Up   uint64 `json:"up"`
	Down uint64 `json:"down"`
}

type refusalsStatus struct {
	Total uint64 `json:"total"`
	// Spans count by reason, the oldest first; the last one is not over.
	SpanSeconds int             `json:"span_seconds"`
	Spans       []spanStatus    `json:"spans"`
	Last        []refusalStatus `json:"last"` // the newest first
}

// sparedStatus are those who would have been refused, and were let through.
type sparedStatus struct {
	Total uint64          `json:"total"`
	Last  []refusalStatus `json:"last"` // the newest first
}

// unheardStatus are connections that ended before their CONNECT was whole.
type unheardStatus struct {
	Total uint64        `json:"total"`
	Last  []alikeStatus `json:"last"` // the newest first
}

// alikeStatus are those of one address, listener and certificate that ended alike. Time, Conn and Detail are those
// of the last of them.
type alikeStatus struct {
	Time     time.Time `json:"time"`
	Count    uint64    `json:"count"`
	Conn     uint64    `json:"conn"`
	Listener string    `json:"listener"`
	Remote   string    `json:"remote"`
	// Reason is the word of connections_closed_total, Handshake that of tls_handshakes_total.
	Reason    string `json:"reason"`
	Handshake string `json:"handshake,omitempty"` // absent where the reason is another
	// CertSubject is that of a certificate that was refused: nothing is proven of it.
	CertSubject string `json:"cert_subject,omitempty"`
	Detail      string `json:"detail,omitempty"`
}

// bansStatus are the bans in force.
type bansStatus struct {
	Total int         `json:"total"`
	Last  []banStatus `json:"last"` // lastBans at most, those that end last first
}

// lastBans is how many bans are shown. More are found by a word.
const lastBans = 100

type banStatus struct {
	Address string    `json:"address"` // an IPv4 address, or the /64 of an IPv6 one
	Until   time.Time `json:"until"`
	Reason  string    `json:"last_reason"` // of the failures that led to it
}

type spanStatus struct {
	Start    time.Time      `json:"start"`
	ByReason map[string]int `json:"by_reason"`
}

type refusalStatus struct {
	Time     time.Time `json:"time"`
	Conn     uint64    `json:"conn"`
	Listener string    `json:"listener"`
	Remote   string    `json:"remote"`
	ClientID string    `json:"client_id"`
	UserName *string   `json:"username,omitempty"` // absent where none was sent
	MQTT     string    `json:"mqtt"`
	Stage    string    `json:"stage,omitempty"`
	Reason   string    `json:"reason"`
	Code     string    `json:"code,omitempty"` // absent where the connection was just closed
	Detail   string    `json:"detail,omitempty"`
	// Steps are how the stages came to it, where that was written down.
	Steps []string `json:"steps,omitempty"`
}

// status returns what is true right now, with those of the last refusals and of the bans that word
// is found in.
func (s *Server) status(word string) status {
	state := s.look()
	now := s.recorder.refusals.now().UTC()
	why := s.notReady()
	st := status{
		Version: state.Version, Now: now, Started: state.Started.UTC(),
		Ready: len(why) == 0, NotReady: append([]string{}, why...), Draining: state.Draining,
		Config: config(state),
		Stages: append([]string{}, state.Stages...),
		Bytes:  bytesStatus{state.Traffic.BytesUp, state.Traffic.BytesDown},

		Listeners: s.recorder.listeners(state), Upstreams: upstreams(state), KeySets: keySets(state, now),
		Certificates: []certificateStatus{}, Refusals: s.recorder.refusals.status(word),
		WouldRefuse: s.recorder.spared.sparedStatus(word), Unheard: s.recorder.unheard.status(word),
		Bans: bansStatus{state.Bans, s.bans(word)}, Notices: append([]string{}, s.notices()...),
	}
	for _, c := range state.Certificates {
		st.Certificates = append(st.Certificates, certificateStatus{c.Name, c.NotAfter.UTC()})
	}
	return st
}

// bans are the bans that a word, in any case, is found in; an address is found in its network too.
func (s *Server) bans(word string) []banStatus {
	word = strings.ToLower(word)
	address, _ := netip.ParseAddr(word)
	s.looking.Lock()
	defer s.looking.Unlock()
	all := []banStatus{}
	for _, b := range s.banned(lastBans, func(b proxy.Ban) bool {
		return word == "" || b.Address.Contains(address.Unmap()) || strings.Contains(b.Shown(), word) || strings.Contains(b.Reason.String(), word)
	}) {
		all = append(all, banStatus{b.Shown(), b.Until.UTC().Truncate(time.Second), b.Reason.String()})
	}
	return all
}

func config(s State) configStatus {
	r := s.Reloads
	st := configStatus{Loaded: s.Loaded.UTC(), LastReloadSuccessful: !r.LastFailed(), LastSuccess: timeOrNone(r.Succeeded)}
	if !r.Failed.IsZero() {
		st.LastFailure = &failedReloadStatus{Time: r.Failed.UTC(), Problems: append([]string{}, r.Problems...), More: r.More}
	}
	return st
}

func (r *Recorder) listeners(s State) []listenerStatus {
	all := make([]listenerStatus, len(s.Listeners))
	for i, l := range s.Listeners {
		all[i] = listenerStatus{Name: l.Name, Address: l.Address, TLS: l.TLS, Observed: l.Observed, Sessions: map[string]int{}}
		if c := r.listening[l.Name]; c != nil {
			all[i].Connections = c.active.Load()
		}
		for _, v := range versions[1:] {
			all[i].Sessions[v.String()] = 0
		}
		for _, sessions := range s.Traffic.Sessions {
			if sessions.Listener == l.Name {
				all[i].Sessions[versions[versionIndex(sessions.Version)].String()] += sessions.Count
			}
		}
	}
	return all
}

func upstreams(s State) []upstreamStatus {
	sessions := byAddress(s)
	all := make([]upstreamStatus, len(s.Upstreams))
	for i, u := range s.Upstreams {
		all[i] = upstreamStatus{Address: u.Address, Up: u.Up(), FailedAt: timeOrNone(u.FailedAt), Sessions: sessions[u.Address]}
	}
	return all
}

func keySets(s State, now time.Time) []keySetStatus {
	if s.KeySet == nil {
		return []keySetStatus{}
	}
	k := s.KeySet
	st := keySetStatus{
		URL: k.URL, Usable: k.Usable, Keys: k.Keys, PassedOver: k.PassedOver,
		Fetched: timeOrNone(k.Fetched), FromCache: k.FromCache, Fetches: k.Fetches,
	}
	if st.Fetched != nil {
		age := int64(now.Sub(k.Fetched) / time.Second)
		st.AgeSeconds = &age
	}
	return []keySetStatus{st}
}

func timeOrNone(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (r *refusals) status(word string) refusalsStatus {
	st := refusalsStatus{SpanSeconds: int(spanLength / time.Second), Last: []refusalStatus{}}
	for _, h := range r.history() {
		counts := make(map[string]int, len(h.Counts))
		for reason, n := range h.Counts {
			counts[reason.String()] = n
		}
		st.Spans = append(st.Spans, spanStatus{h.Start, counts})
	}
	var last []proxy.Refusal
	last, st.Total = r.lately(word)
	for _, refusal := range last {
		st.Last = append(st.Last, shown(refusal))
	}
	return st
}

func (r *refusals) sparedStatus(word string) sparedStatus {
	st := sparedStatus{Last: []refusalStatus{}}
	var last []proxy.Refusal
	last, st.Total = r.lately(word)
	for _, spared := range last {
		st.Last = append(st.Last, shown(spared))
	}
	return st
}

func (u *unheard) status(word string) unheardStatus {
	st := unheardStatus{Last: []alikeStatus{}}
	var last []alike
	last, st.Total = u.lately(word)
	for _, a := range last {
		st.Last = append(st.Last, alikeStatus{
			Time: a.Time.UTC(), Count: a.count, Conn: a.Conn, Listener: a.Listener, Remote: shownAddress(a.Remote),
			Reason: a.Reason, Handshake: a.handshake(), CertSubject: a.CertSubject, Detail: a.Detail,
		})
	}
	return st
}

func shown(r proxy.Refusal) refusalStatus {
	st := refusalStatus{
		Time: r.Time.UTC(), Conn: r.Conn, Listener: r.Listener, Remote: shownAddress(r.Remote), ClientID: r.ClientID,
		MQTT: r.Version.String(), Stage: r.Stage, Reason: r.Reason.String(), Detail: r.Detail,
	}
	if r.HasUserName {
		st.UserName = &r.UserName
	}
	if r.Code != packets.Success {
		st.Code = codes[r.Code]
	}
	if r.Explanation != nil {
		st.Steps = r.Explanation.Lines()
	}
	return st
}

// serveStatus answers with the page where a browser asks, and with JSON otherwise.
func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	word := r.URL.Query().Get("q")
	if len(word) > maxWord {
		text(w, http.StatusBadRequest, "the word is too long\n")
		return
	}
	st := s.status(word)
	w.Header().Set("Vary", "Accept")
	if r.URL.Path == "/status" && strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.servePage(w, st, word)
		return
	}
	body, err := json.MarshalIndent(st, "", "  ")
	if err != nil { // of what is always right
		text(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n'))
}

// maxWord is more bytes than a client id is shown with.
const maxWord = 1024
