package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// full is a state in which everything has a value.
func full() State {
	return State{
		Version: "v1.2.3", Started: time.Unix(1e9, 0), Loaded: time.Unix(2e9, 0), Draining: true, Bans: 3,
		Reloads:   Reloads{Succeeded: time.Unix(2e9, 0), Failed: time.Unix(2e9+60, 0), Problems: []string{"c.toml:3: limits.<x>: unknown"}, More: 4},
		Stages:    []string{auth.StageBuiltin, auth.StageJWT},
		Listeners: []Listener{{Name: "mqtt", Address: "127.0.0.1:1883"}, {Name: "mqtts", Address: "127.0.0.1:8883", TLS: true}},
		Traffic: proxy.Traffic{BytesUp: 11, BytesDown: 22, Sessions: []proxy.SessionCount{
			{Listener: "mqtt", Version: packets.V5, Upstream: "a:1", Count: 3},
			{Listener: "mqtts", Version: packets.V311, Upstream: "a:1", Count: 2},
			{Listener: "mqtts", Version: packets.V31, Upstream: "gone:1", Count: 1},
		}},
		Upstreams: []upstream.Status{{Address: "a:1"}, {Address: "b:1", FailedAt: time.Unix(1e9, 0)}},
		KeySet: &KeySet{
			URL: "https://id.example.org/jwks", Fetched: time.Unix(1700000000, 0), Usable: true, Keys: 4, PassedOver: 1,
			Fetches: map[string]uint64{"ok": 7, "timeout": 2},
		},
		Certificates: []Certificate{{Name: "listener mqtts", NotAfter: time.Unix(1800000000, 0)}},

		RevocationLists: map[string]time.Time{"mqtts": time.Unix(1900000000, 0)},
	}
}

// scrape returns the metrics of a server with state full, after events.
func scrape(t *testing.T, events func(*Recorder)) string {
	t.Helper()
	r := NewRecorder([]string{"mqtt", "mqtts"})
	r.BeginStage(auth.StageBuiltin)
	r.BeginStage(auth.StageJWT)
	s := New(Options{Recorder: r, State: full, NotReady: func() []string { return nil }})
	defer s.Close()
	if events != nil {
		events(r)
	}
	w := get(s, "/metrics", nil)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// expectLines wants each line in a scrape.
func expectLines(t *testing.T, scrape string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !strings.Contains("\n"+scrape, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			var have []string
			for l := range strings.Lines(scrape) {
				if strings.HasPrefix(l, name) && !strings.HasSuffix(l, " 0\n") {
					have = append(have, l)
				}
			}
			t.Errorf("no line %q; there are\n%s", line, strings.Join(have, ""))
		}
	}
}

func TestStateAsMetrics(t *testing.T) {
	expectLines(t, scrape(t, nil),
		`mqttward_bytes_total{direction="up"} 11`,
		`mqttward_bytes_total{direction="down"} 22`,
		`mqttward_upstream_up{address="a:1"} 1`,
		`mqttward_upstream_up{address="b:1"} 0`,
		`mqttward_upstream_connections_active{address="a:1"} 5`,
		`mqttward_upstream_connections_active{address="b:1"} 0`,
		`mqttward_upstream_connections_active{address="gone:1"} 1`,
		`mqttward_jwks_last_success_timestamp_seconds 1.7e+09`,
		`mqttward_jwks_keys 4`,
		`mqttward_jwks_fetch_total{result="ok"} 7`,
		`mqttward_jwks_fetch_total{result="timeout"} 2`,
		`mqttward_tls_cert_not_after_timestamp_seconds{cert="listener mqtts"} 1.8e+09`,
		`mqttward_tls_crl_next_update_timestamp_seconds{listener="mqtts"} 1.9e+09`,
		`mqttward_config_last_reload_successful 0`,
		`mqttward_draining 1`,
		`mqttward_bans_active 3`,
	)
}

func TestEventsAsMetrics(t *testing.T) {
	expectLines(t, scrape(t, func(r *Recorder) {
		r.Accepted("mqtt")
		r.Accepted("mqtt")
		r.Accepted("mqtts")
		r.Closed("mqtt", "client_closed")
		r.Secured(proxy.HandshakeOK, true)
		r.Secured(proxy.HandshakeNotTLS, false)
		r.Connected("mqtt", packets.V5)
		r.Refused(proxy.Refusal{Time: time.Now(), Listener: "mqtts", Version: packets.V311, Reason: auth.BadPassword})
		r.Refused(proxy.Refusal{Time: time.Now(), Listener: "mqtts", Version: 77, Reason: auth.ProtocolVersion})
		r.Answered(packets.V5, packets.NotAuthorized)
		r.BrokerAnswered(packets.Success, true)
		r.BrokerAnswered(packets.ConnackNotAuthorized, true)
		r.BrokerAnswered(0, false)
		r.Limited(proxy.LimitHashQueue)
		r.Judged(auth.StageJWT, auth.Deny, auth.TokenExpired, 30*time.Microsecond)
		r.Judged(auth.StageBuiltin, auth.Ignore, auth.None, time.Second)
		r.Dialled(time.Millisecond, upstream.Reached)
		r.Dialled(time.Second, upstream.TimedOut)
	}),
		`mqttward_connections_total{listener="mqtt"} 2`,
		`mqttward_connections_active{listener="mqtt"} 1`,
		`mqttward_connections_active{listener="mqtts"} 1`,
		`mqttward_connections_closed_total{listener="mqtt",reason="client_closed"} 1`,
		`mqttward_tls_handshakes_total{result="ok",resumed="true"} 1`,
		`mqttward_tls_handshakes_total{result="not_tls",resumed="false"} 1`,
		`mqttward_connects_total{listener="mqtt",result="accepted",version="5.0"} 1`,
		`mqttward_connects_total{listener="mqtts",result="bad_password",version="3.1.1"} 1`,
		`mqttward_connects_total{listener="mqtts",result="protocol_version",version="unknown"} 1`,
		`mqttward_connack_sent_total{code="0x87",version="5.0"} 1`,
		`mqttward_upstream_connack_total{code="0x00"} 1`,
		`mqttward_upstream_connack_total{code="0x05"} 1`,
		`mqttward_upstream_connack_total{code="invalid"} 1`,
		`mqttward_limits_hit_total{limit="hash_queue"} 1`,
		`mqttward_auth_total{reason="token_expired",stage="jwt",verdict="deny"} 1`,
		`mqttward_auth_total{reason="none",stage="builtin",verdict="ignore"} 1`,
		`mqttward_auth_duration_seconds_count{stage="jwt"} 1`,
		`mqttward_auth_duration_seconds_bucket{stage="builtin",le="0.5"} 0`,
		`mqttward_auth_duration_seconds_bucket{stage="builtin",le="1"} 1`,
		`mqttward_upstream_dial_duration_seconds_count 1`,
		`mqttward_upstream_dial_errors_total{reason="timeout"} 1`,
	)
}

// Counts start at 0, so that the first event is seen to be an increase.
func TestCountsStartAtZero(t *testing.T) {
	text := scrape(t, nil)
	expectLines(t, text,
		`mqttward_connections_total{listener="mqtts"} 0`,
		`mqttward_connections_closed_total{listener="mqtt",reason="gave_way"} 0`,
		`mqttward_connections_closed_total{listener="mqtt",reason="token_expired"} 0`,
		`mqttward_connects_total{listener="mqtt",result="keys_unavailable",version="3.1"} 0`,
		`mqttward_connack_sent_total{code="0x8c",version="5.0"} 0`,
		`mqttward_auth_total{reason="bad_password",stage="builtin",verdict="deny"} 0`,
		`mqttward_auth_total{reason="unknown_kid",stage="jwt",verdict="deny"} 0`,
		`mqttward_tls_handshakes_total{result="client_certificate",resumed="false"} 0`,
		`mqttward_upstream_dial_errors_total{reason="lookup"} 0`,
	)
	for _, l := range proxy.AllLimits() {
		expectLines(t, text, `mqttward_limits_hit_total{limit="`+l.String()+`"} 0`)
	}
}

// section17 are the names that are promised.
var section17 = []string{
	"build_info", "connections_active", "connections_total", "connections_closed_total", "connects_total", "auth_total",
	"auth_duration_seconds", "connack_sent_total", "upstream_connack_total", "bytes_total", "upstream_up",
	"upstream_connections_active", "upstream_dial_duration_seconds", "upstream_dial_errors_total",
	"jwks_last_success_timestamp_seconds", "jwks_keys", "jwks_fetch_total", "tls_handshakes_total",
	"tls_cert_not_after_timestamp_seconds", "tls_crl_next_update_timestamp_seconds", "limits_hit_total", "config_last_reload_successful", "draining",
	"bans_active",
}

func TestEveryPromisedMetricIsThere(t *testing.T) {
	text := scrape(t, nil)
	for _, name := range section17 {
		if !strings.Contains(text, "\n# TYPE mqttward_"+name+" ") {
			t.Errorf("mqttward_%s is not there", name)
		}
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestMetricsPassTheLinter(t *testing.T) {
	r := NewRecorder([]string{"mqtt"})
	s := New(Options{Recorder: r, State: full, NotReady: func() []string { return nil }})
	defer s.Close()
	var names []string
	for _, name := range section17 {
		names = append(names, "mqttward_"+name)
	}
	problems, err := testutil.GatherAndLint(r.registry, names...)
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
}
