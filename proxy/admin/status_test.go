package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
)

// busy returns a server with state full and some refusals.
func busy(t *testing.T, why ...string) *Server {
	t.Helper()
	r := NewRecorder([]string{"mqtt", "mqtts"})
	s := New(Options{Recorder: r, State: full, NotReady: func() []string { return why }})
	t.Cleanup(func() { s.Close() })
	r.refusals.now = func() time.Time { return time.Unix(1_700_000_100, 0) }
	r.Accepted("mqtt")
	r.Accepted("mqtt")
	for i, reason := range []auth.Reason{auth.BadPassword, auth.TokenExpired, auth.NotMQTT, auth.BadPassword} {
		r.Refused(proxy.Refusal{
			Time: time.Unix(1_700_000_000+int64(i), 0), Conn: uint64(i + 1), Listener: "mqtt",
			Remote:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 4000),
			Version: packets.V311, ClientID: "meter-" + string(rune('1'+i)), UserName: "anna", HasUserName: i < 2,
			Stage: auth.StageBuiltin, Reason: reason, Code: packets.ConnackBadUserNameOrPassword, Detail: "more",
		})
	}
	return s
}

func statusOf(t *testing.T, s *Server, path string) status {
	t.Helper()
	w := get(s, path, nil)
	var st status
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&st); w.Code != http.StatusOK || err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d, %v, %v", w.Code, err, w.Header())
	}
	return st
}

func TestStatusAsJSON(t *testing.T) {
	st := statusOf(t, busy(t, "shutting down"), "/status")
	if st.Version != "v1.2.3" || st.Ready || len(st.NotReady) != 1 || !st.Draining || st.Config.LastReloadSuccessful ||
		!st.Started.Equal(time.Unix(1e9, 0)) || !st.Config.Loaded.Equal(time.Unix(2e9, 0)) || len(st.Stages) != 2 {
		t.Errorf("got %+v", st)
	}
	if c := st.Config; !c.LastSuccess.Equal(time.Unix(2e9, 0)) || !c.LastFailure.Time.Equal(time.Unix(2e9+60, 0)) ||
		len(c.LastFailure.Problems) != 1 || c.LastFailure.More != 4 {
		t.Errorf("reloads: got %+v", c)
	}
	if l := st.Listeners; len(l) != 2 || l[0].Connections != 2 || l[0].Sessions["5.0"] != 3 || l[0].Sessions["3.1"] != 0 ||
		!l[1].TLS || l[1].Address != "127.0.0.1:8883" || l[1].Sessions["3.1.1"] != 2 || l[1].Sessions["3.1"] != 1 {
		t.Errorf("listeners: got %+v", l)
	}
	if u := st.Upstreams; len(u) != 2 || !u[0].Up || u[0].Sessions != 5 || u[0].FailedAt != nil || u[1].Up || !u[1].FailedAt.Equal(time.Unix(1e9, 0)) {
		t.Errorf("upstreams: got %+v", u)
	}
	if k := st.KeySets; len(k) != 1 || k[0].Keys != 4 || k[0].PassedOver != 1 || *k[0].AgeSeconds != 100 || k[0].Fetches["ok"] != 7 {
		t.Errorf("key sets: got %+v", k)
	}
	if c := st.Certificates; len(c) != 1 || !c[0].NotAfter.Equal(time.Unix(1_800_000_000, 0)) {
		t.Errorf("certificates: got %+v", c)
	}
	if st.Bytes != (bytesStatus{11, 22}) {
		t.Errorf("bytes: got %+v", st.Bytes)
	}
	r := st.Refusals
	counts := map[string]int{}
	for _, s := range r.Spans {
		for reason, n := range s.ByReason {
			counts[reason] += n
		}
	}
	if r.Total != 4 || len(r.Spans) != numSpans || counts["bad_password"] != 2 || counts["token_expired"] != 1 || sum(counts) != 4 {
		t.Errorf("refusals: got %+v", r)
	}
	name := "anna"
	want := refusalStatus{
		Time: time.Unix(1_700_000_001, 0).UTC(), Conn: 2, Listener: "mqtt", Remote: "192.0.2.2", ClientID: "meter-2", UserName: &name,
		MQTT: "3.1.1", Stage: "builtin", Reason: "token_expired", Code: "0x04", Detail: "more",
	}
	if len(r.Last) != 4 || r.Last[0].Conn != 4 || r.Last[0].UserName != nil {
		t.Fatalf("the last refusals: got %+v", r.Last)
	}
	got := r.Last[2]
	if got.UserName == nil || *got.UserName != name {
		t.Errorf("user name: got %v", got.UserName)
	}
	got.UserName = &name
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatusIsSearched(t *testing.T) {
	s := busy(t)
	for query, want := range map[string]int{"": 4, "?q=meter-2": 1, "?q=192.0.2.": 4, "?q=192.0.2.3": 1, "?q=bad_password": 2, "?q=nobody": 0} {
		if got := len(statusOf(t, s, "/status"+query).Refusals.Last); got != want {
			t.Errorf("%q: got %d, want %d", query, got, want)
		}
	}
	if w := get(s, "/status?q="+strings.Repeat("x", maxWord+1), nil); w.Code != http.StatusBadRequest {
		t.Errorf("a long word: got %d, want 400", w.Code)
	}
}

// Bans are told with their number, and found by a word or by an address of theirs, however many there are.
func TestBansAreShown(t *testing.T) {
	var all []proxy.Ban
	begin := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, p := range []string{"192.0.2.7/32", "2001:db8:0:1::/64", "192.0.2.77/32"} {
		all = append(all, proxy.Ban{Address: netip.MustParsePrefix(p), Until: begin.Add(-time.Duration(i) * time.Hour), Reason: auth.BadPassword})
	}
	all[2].Reason = auth.ClaimMismatch
	s := New(Options{
		Recorder: NewRecorder(nil), State: func() State { return State{Bans: 2345} }, NotReady: func() []string { return nil },
		Banned: func(most int, wanted func(proxy.Ban) bool) []proxy.Ban {
			if most != 100 {
				t.Errorf("asked for %d, want 100", most)
			}
			return slices.DeleteFunc(slices.Clone(all), func(b proxy.Ban) bool { return !wanted(b) })
		},
	})
	t.Cleanup(func() { s.Close() })
	for query, want := range map[string]string{
		"": "192.0.2.7 2001:db8:0:1::/64 192.0.2.77", "192.0.2.": "192.0.2.7 192.0.2.77", "192.0.2.7": "192.0.2.7 192.0.2.77",
		"2001:DB8:0:1:2::3": "2001:db8:0:1::/64", "2001:db8:0:2::3": "", "claim_mis": "192.0.2.77", "meter": "",
	} {
		st, got := statusOf(t, s, "/status?q="+query).Bans, []string{}
		for _, b := range st.Last {
			got = append(got, b.Address)
		}
		if strings.Join(got, " ") != want || st.Total != 2345 {
			t.Errorf("%q: got %q of %d, want %q of 2345", query, got, st.Total, want)
		}
	}
	if got, want := statusOf(t, s, "/status").Bans.Last[0], (banStatus{"192.0.2.7", begin, "bad_password"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	page := pageOf(t, s, "?q=claim_mis")
	for _, want := range []string{"claim_mis”: 2\u202f345 in all", "2099-12-31 22:00:00", "<td>192.0.2.77</td>", "claim_mismatch"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page:\n%s", want, page)
		}
	}
	if !strings.Contains(pageOf(t, s, ""), "These end last") || strings.Contains(page, "192.0.2.7<") {
		t.Error("what is not on the page is not told of, or what was not asked for is on it")
	}
	if page := pageOf(t, newServer(t, Settings{}), ""); strings.Contains(page, "Banned") {
		t.Error("it speaks of bans where there are none")
	}
}

// What is empty is an empty list, and not null.
func TestStatusOfNothing(t *testing.T) {
	w := get(newServer(t, Settings{}), "/status.json", nil)
	if body := w.Body.String(); strings.Contains(body, "null") || !strings.Contains(body, `"ready": true`) {
		t.Errorf("got %s", body)
	}
}

func browser(r *http.Request) { r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9") }

func TestPageOrJSON(t *testing.T) {
	s := busy(t)
	for path, kinds := range map[string][2]string{
		"/status": {"application/json", "text/html; charset=utf-8"}, "/status.json": {"application/json", "application/json"},
		"/status.css": {"text/css; charset=utf-8", "text/css; charset=utf-8"},
		"/status.js":  {"text/javascript; charset=utf-8", "text/javascript; charset=utf-8"},
	} {
		for i, change := range []func(*http.Request){nil, browser} {
			if w := get(s, path, change); w.Code != http.StatusOK || w.Header().Get("Content-Type") != kinds[i] {
				t.Errorf("%s: got %d %q, want %q", path, w.Code, w.Header().Get("Content-Type"), kinds[i])
			}
		}
	}
	if w := get(s, "/", browser); w.Code != http.StatusFound || w.Header().Get("Location") != "/status" {
		t.Errorf("/: got %d to %q", w.Code, w.Header().Get("Location"))
	}
}

func pageOf(t *testing.T, s *Server, query string) string {
	t.Helper()
	w := get(s, "/status"+query, browser)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestPageTellsWhatIsWrong(t *testing.T) {
	page := pageOf(t, busy(t, "shutting down", "no upstream is up"), "?q=meter-2")
	for _, want := range []string{
		"not ready", "shutting down; no upstream is up", "<b>reload failed</b> at 2033-05-18 03:34:20 UTC", "<li>c.toml:3: limits.&lt;x&gt;: unknown</li>",
		"and 4 more", "reloaded 2033-05-18 03:33:20 UTC", "mqtts", "127.0.0.1:8883", "b:1", "https://id.example.org/jwks",
		"listener mqtts", "v1.2.3", "token_expired", "192.0.2.2", `value="meter-2"`, `<rect class="c0"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	if strings.Contains(page, "192.0.2.3") {
		t.Error("a refusal that was not asked for is on the page")
	}
}

// A fault that is mended stays to be read, and is no alarm.
func TestPageOfAReloadThatFailedBefore(t *testing.T) {
	state := full()
	state.Reloads.Succeeded = state.Reloads.Failed.Add(time.Second)
	s := New(Options{Recorder: NewRecorder([]string{"mqtt", "mqtts"}), State: func() State { return state }, NotReady: func() []string { return nil }})
	t.Cleanup(func() { s.Close() })
	page := pageOf(t, s, "")
	if !strings.Contains(page, "at 2033-05-18 03:34:20 UTC; one succeeded since</h2>") || strings.Contains(page, "reload failed") {
		t.Errorf("got\n%s", page)
	}
	if c := statusOf(t, s, "/status").Config; !c.LastReloadSuccessful || c.LastFailure == nil {
		t.Errorf("got %+v", c)
	}
}

// Nothing that a client wrote, or whoever asks, becomes a part of the page's own text.
func TestPageIsNotWrittenByClients(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	s := busy(t)
	s.recorder.Refused(proxy.Refusal{
		Time: time.Unix(1_700_000_009, 0), ClientID: evil, UserName: evil, HasUserName: true, Detail: evil, Listener: "mqtt", Reason: auth.Busy,
	})
	for _, query := range []string{"", "?q=%22%3E%3Cscript%3E"} {
		page := pageOf(t, s, query)
		if strings.Contains(page, "<script>") || strings.Contains(page, "<img") || !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("%q: the page has it unescaped, or not at all", query)
		}
	}
	var w *httptest.ResponseRecorder
	if w = get(s, "/status", nil); strings.Contains(w.Body.String(), "<script>") {
		t.Error("the JSON has it unescaped")
	}
}

// The page asks for nothing but what is served here.
func TestPageNeedsNoInternet(t *testing.T) {
	texts := []string{pageOf(t, busy(t), "")}
	for _, name := range []string{"status.css", "status.js", "status.svg"} {
		body, err := assets.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(body))
	}
	for _, text := range texts {
		text = strings.ReplaceAll(text, "https://id.example.org/jwks", "")
		text = strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")
		if strings.Contains(text, "//") && (strings.Contains(text, "http:") || strings.Contains(text, "https:")) || strings.Contains(text, "@import") {
			t.Errorf("it refers to somewhere else:\n%s", text)
		}
		if strings.Contains(text, "style=") || strings.Contains(text, "onclick=") {
			t.Errorf("what the policy forbids:\n%s", text)
		}
	}
}
