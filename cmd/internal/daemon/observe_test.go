package daemon

import (
	"net/http"
	"strings"
	"testing"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// A listener that observes lets everybody through and says so everywhere, until a reload has it
// enforce.
func TestObserve(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	observe := strings.Replace(plain(b.Addr()), "[upstream]", "mode = \"observe\"\n[upstream]", 1) + withAdmin
	r := runReloading(t, t.TempDir(), observe+alice)
	conn := r.dial("mqtt")
	defer conn.Close()
	c := packets.Connect{Version: packets.V311, ClientID: []byte("c1"), HasUserName: true, UserName: []byte("alice"), HasPassword: true, Password: []byte("wrong")}
	if _, err := conn.Write(packets.AppendConnect(nil, &c)); err != nil {
		t.Fatal(err)
	}
	r.expectMetrics(map[string]float64{
		`would_refuse_total{reason="bad_password"}`:                             1,
		`would_refuse_total{reason="token_expired"}`:                            0,
		`connects_total{listener="mqtt",result="accepted",version="3.1.1"}`:     1,
		`connects_total{listener="mqtt",result="bad_password",version="3.1.1"}`: 0,
		`auth_total{reason="bad_password",stage="builtin",verdict="deny"}`:      1,
		`connections_closed_total{listener="mqtt",reason="bad_password"}`:       0,
	})
	const notice = `listener "mqtt" ONLY OBSERVES`
	r.expectReady(http.StatusOK, notice)
	if _, status := r.ask("/status.json", ""); !strings.Contains(status, `"observed_percent": 100`) || !strings.Contains(status, `"reason": "bad_password"`) {
		t.Errorf("the status does not tell:\n%s", status)
	}
	r.reload(strings.Replace(observe, "mode = \"observe\"\n", "", 1)+alice, "reloaded")
	if _, body := r.ask("/readyz", ""); body != "ready\n" {
		t.Errorf("after the reload: got %q, want ready", body)
	}
	if got := r.answer("alice", "wrong"); got != 4 {
		t.Errorf("after the reload: got %d, want 4", got)
	}
}

// What is to be tried at one address is not tried at another that is still open by the same name.
func TestObserveAtAnotherAddressWantsARestart(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	enforce := plain(b.Addr()) + alice
	with := func(line string) string { return strings.Replace(enforce, "[upstream]", line+"\n[upstream]", 1) }
	moved := func(text string) string { return strings.Replace(text, "127.0.0.1:0", "127.0.0.1:9", 1) }
	r := runReloading(t, t.TempDir(), enforce)
	r.reload(moved(with(`mode = "observe"`)), "reloaded")
	if got := r.answer("alice", "wrong"); got != 4 {
		t.Errorf("observing elsewhere: got %d, want 4", got)
	}
	if n := r.notices(); len(n) != 0 {
		t.Errorf("observing elsewhere: got %q, want no notice", n)
	}
	r.reload(with(`mode = "observe"`), "reloaded")
	if got := r.answer("alice", "wrong"); got != 0 {
		t.Errorf("observing: got %d, want 0", got)
	}
	r.reload(moved(enforce), "reloaded")
	if got := r.answer("alice", "wrong"); got != 4 {
		t.Errorf("enforcing elsewhere: got %d, want 4", got)
	}
}

func TestEnforcementIsTheDefault(t *testing.T) {
	c := parse(t, t.TempDir(), plain("127.0.0.1:1")+alice)
	if got := enforcement(c.Listeners); len(got) != 0 {
		t.Errorf("got %v, want all enforced by default", got)
	}
	c.Listeners[0].Mode, c.Listeners[0].EnforcePercent = "", 0
	if got := enforcement(c.Listeners); len(got) != 0 {
		t.Errorf("got %v, want all enforced where nothing is said", got)
	}
	c.Listeners[0].EnforcePercent = 10
	if got := enforcement(c.Listeners)["mqtt"].Percent; got != 10 {
		t.Errorf("got %d, want 10", got)
	}
}
