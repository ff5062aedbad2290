package daemon

import (
	"strings"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// The rate and the burst arrive at the proxy, and a reload changes them without touching a
// session.
func TestReloadOfTheUpstreamsRate(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	text := func(rate string) string { // three handshakes leave no room to wait
		return strings.Replace(plain(b.Addr()), "[auth]\n", rate+"[limits]\nmax_handshakes = 3\n[auth]\n", 1)
	}
	r := runReloading(t, t.TempDir(), text("connect_rate = 1\nconnect_burst = 3\n"))
	live := r.dial("mqtt")
	mustConnect(t, live, packets.V311)
	for range 2 {
		if got := r.answer("a", "b"); got != 0 {
			t.Errorf("within the burst: got %d, want 0", got)
		}
	}
	proxytest.Eventually(t, "a connect beyond the burst is refused", func() bool { return r.answer("a", "b") == 3 })
	r.awaitLog(`"reason":"upstream_rate"`)

	r.reload(text(""), "reloaded")
	for range 10 {
		if got := r.answer("a", "b"); got != 0 {
			t.Errorf("without a rate: got %d, want 0", got)
		}
	}
	ping(t, live)

	r.reload(text("connect_rate = 1\n"), "reloaded")
	proxytest.Eventually(t, "a connect beyond the new rate is refused", func() bool { return r.answer("a", "b") == 3 })
	ping(t, live)
}
