package daemon

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Each limit arrives at the proxy by a reload, is met, is counted, and goes by a reload, and no
// session feels any of it.
func TestReloadOfLimits(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	text := func(listener, limits string) string {
		return strings.Replace(plain(b.Addr()), "[upstream]\n", listener+"[upstream]\n", 1) + limits + withAdmin
	}
	r := runReloading(t, t.TempDir(), text("", ""))
	live := r.dial("mqtt")
	mustConnect(t, live, packets.V311)
	for _, tc := range []struct{ listener, limits, limit, reason string }{
		{"max_connections = 1\n", "", "listener_max_connections", "busy"},
		{"", "[limits]\nmax_connections_per_address = 1\n", "max_connections_per_address", "busy"},
		{"", "[limits]\nconnect_rate_per_address = 1\n", "connect_rate_per_address", "rate_limited"},
		{"", "[limits]\nconnect_rate = 1\n", "connect_rate", "rate_limited"},
	} {
		r.reload(text(tc.listener, tc.limits), "reloaded")
		proxytest.Eventually(t, tc.limit+" is met", func() bool { return r.answer("a", "b") == 3 })
		if n := r.metric(`limits_hit_total{limit="` + tc.limit + `"}`); n < 1 {
			t.Errorf("%s: counted %v times, want 1 at least", tc.limit, n)
		}
		if n := r.metric(`connects_total{listener="mqtt",result="` + tc.reason + `",version="3.1.1"}`); n < 1 {
			t.Errorf("%s: %v clients were refused as %s, want 1 at least", tc.limit, n, tc.reason)
		}
		ping(t, live)
		r.reload(text("", ""), "reloaded")
		for range 5 {
			if got := r.answer("a", "b"); got != 0 {
				t.Errorf("without %s: got %d, want 0", tc.limit, got)
			}
		}
	}
}

func TestReloadOfBans(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	without := withUsers(b.Addr()) + withAdmin
	with := without + "[limits.ban]\nfailures = 3\nwindow = \"1h\"\ntime = \"1h\"\n"
	r := runReloading(t, dir, without)
	live := r.dial("mqtt")
	live.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte("l"),
		HasUserName: true, UserName: []byte("alice"), HasPassword: true, Password: []byte("wonderland")}))
	if _, err := io.ReadFull(live, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.answer("bert", "x")
	}
	r.expectMetrics(map[string]float64{`bans_active`: 0})

	r.reload(with, "reloaded")
	for range 2 {
		r.answer("alice", "wrong")
	}
	if got := r.answer("alice", "wonderland"); got != 0 { // which forgives the two
		t.Fatalf("got %d, want 0", got)
	}
	for range 3 {
		if got := r.answer("bert", "x"); got != 5 {
			t.Errorf("got %d, want 5", got)
		}
	}
	if got := r.answer("alice", "wonderland"); got != 5 {
		t.Errorf("from a banned address: got %d, want 5", got)
	}
	r.awaitLog(`"msg":"address banned"`)
	r.awaitLog(`"reason":"banned"`)
	r.expectMetrics(map[string]float64{`bans_active`: 1, `limits_hit_total{limit="ban"}`: 1})
	r.reload(with+"[shutdown]\ndrain_timeout = \"1s\"\n", "reloaded")
	if got := r.answer("alice", "wonderland"); got != 5 {
		t.Errorf("after a reload of something else: got %d, want 5", got)
	}
	for _, part := range []string{`"address": "127.0.0.1"`, `"last_reason": "no_credentials"`} {
		if _, status := r.ask("/status.json", ""); !strings.Contains(status, part) {
			t.Errorf("the status has no %s:\n%s", part, status)
		}
	}
	// It is lifted by either of two ways, and is not back with what there was before.
	for _, lifting := range []string{with + "exempt = [\"127.0.0.0/8\"]\n", strings.Replace(with, "failures = 3", "failures = 0", 1), without} {
		lifted := strings.Count(r.log.String(), said("bans lifted")+`"bans":1`)
		r.reload(lifting, "reloaded")
		if got := r.answer("alice", "wonderland"); got != 0 {
			t.Errorf("%s: got %d, want 0", lifting, got)
		}
		if got := strings.Count(r.log.String(), said("bans lifted")+`"bans":1`); got != lifted+1 {
			t.Errorf("%s: the log tells of it %d times, want once", lifting, got-lifted)
		}
		r.expectMetrics(map[string]float64{`bans_active`: 0})
		r.reload(with, "reloaded")
		for _, want := range []byte{0, 5} {
			if got := r.answer("alice", "wonderland"); got != want {
				t.Errorf("banned as before: got %d, want %d", got, want)
			}
			for range 3 {
				r.answer("bert", "x")
			}
		}
	}
	ping(t, live)
}

// A balancer is never banned for what comes without a header; a client behind it is.
func TestBansBehindABalancer(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	write(t, filepath.Join(dir, "users"), "alice:"+aliceHash+"\n")
	text := strings.Replace(withUsers(b.Addr()), "[upstream]\n", "proxy_protocol = \"optional\"\nproxy_protocol_trusted = [\"127.0.0.1\"]\n[upstream]\n", 1)
	r := runReloading(t, dir, text+withAdmin+"[limits.ban]\nfailures = 1\n")
	for range 3 {
		r.answer("bert", "x")
	}
	r.expectMetrics(map[string]float64{`bans_active`: 0})
	behind := func() {
		conn := r.dial("mqtt")
		defer conn.Close()
		io.WriteString(conn, "PROXY TCP4 192.0.2.9 192.0.2.1 1000 1883\r\n")
		conn.Write(packets.AppendConnect(nil, &packets.Connect{Version: packets.V311, CleanStart: true, ClientID: []byte("c")}))
		if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	behind()
	behind()
	r.awaitLog(said("address banned") + `"listener":"mqtt","remote":"192.0.2.9"`)
	r.expectMetrics(map[string]float64{`bans_active`: 1, `limits_hit_total{limit="ban"}`: 1})
	if got := r.answer("alice", "wonderland"); got != 0 {
		t.Errorf("from the balancer's own address: got %d, want 0", got)
	}
}
