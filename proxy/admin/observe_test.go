package admin

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/proxy"
)

// A listener that only observes is told of wherever somebody looks.
func TestObservingIsTold(t *testing.T) {
	state := full()
	state.Listeners[0].Observed, state.Listeners[1].Observed = 100, 90
	r := NewRecorder([]string{"mqtt", "mqtts"})
	s := New(Options{
		Recorder: r, State: func() State { return state }, NotReady: func() []string { return nil },
		Notices: func() []string { return []string{state.Listeners[0].Notice(), state.Listeners[1].Notice()} },
	})
	t.Cleanup(func() { s.Close() })
	chain, err := auth.NewChain(auth.Options{AllowAnonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	x := chain.Explain(t.Context(), &auth.Credentials{})
	r.Spared(proxy.Refusal{Time: time.Now(), Listener: "mqtt", ClientID: "meter-<7>", Reason: auth.BadPassword, Stage: "builtin", Explanation: x})
	ready := get(s, "/readyz", nil)
	want := "ready\nlistener \"mqtt\" ONLY OBSERVES: whom the stages would refuse is let through\n" +
		"listener \"mqtts\" ONLY OBSERVES 90 per cent of client ids: whom of these the stages would refuse is let through\n"
	if ready.Code != http.StatusOK || ready.Body.String() != want {
		t.Errorf("/readyz: got %d %q, want %q", ready.Code, ready.Body, want)
	}
	page := get(s, "/status", browser).Body.String()
	for _, part := range []string{
		"<b>observing</b> listener &#34;mqtt&#34; ONLY OBSERVES", "only observes</span>", "observes 90 %</span>",
		"Would have been refused: 1 in all", "meter-&lt;7&gt;", "no stage wanted the client, and anonymous ones are let in",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page has no %q:\n%s", part, page)
		}
	}
	status := get(s, "/status.json", nil).Body.String()
	for _, part := range []string{`"observed_percent": 90`, `"notices": [`, `"would_refuse": {`, `"steps": [`} {
		if !strings.Contains(status, part) {
			t.Errorf("the status has no %s:\n%s", part, status)
		}
	}
	metrics := get(s, "/metrics", nil).Body.String()
	for _, line := range []string{`mqttward_would_refuse_total{reason="bad_password"} 1`, `mqttward_would_refuse_total{reason="client_id_mismatch"} 0`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
}

// One that enforces says nothing of it.
func TestEnforcingIsNotTold(t *testing.T) {
	if got := (Listener{Name: "mqtt"}).Notice(); got != "" {
		t.Errorf("got %q", got)
	}
	page := get(newServer(t, Settings{}), "/status", browser).Body.String()
	if strings.Contains(page, "bserv") || strings.Contains(page, "Would have been") {
		t.Errorf("the page speaks of observing:\n%s", page)
	}
}

// Some verdicts are explained for the list, at most ten in a second.
func TestExplanationsAreRationed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder([]string{"mqtt"})
		n := 0
		for range 10_000 {
			if r.WantsExplanation() {
				n++
			}
			time.Sleep(time.Millisecond / 10) // a second in all
		}
		if n != 10 {
			t.Errorf("got %d explained in a second, want 10", n)
		}
	})
}
