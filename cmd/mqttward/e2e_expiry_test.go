package main_test

import (
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/proxy/proxytest"
)

// Section 13: not before exp, 5.0 clients with DISCONNECT 0xA0, and the will is published.
func TestASessionEndsWhenItsTokenExpires(t *testing.T) {
	t.Parallel()
	const maximumConnectTime = 0xa0
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens)
	watcher := connect(t, b.addr(), profile{version: "5.0", id: "watcher"})
	watcher.subscribe("wills/#", 1)
	exp := time.Now().Add(3 * time.Second).Truncate(time.Second)
	token := authtest.NewKeySigner("HS256", []byte(authtest.SampleSecret)).Sign(map[string]any{"exp": exp.Unix()})
	wills := map[message]bool{}
	var devices []*device
	for _, version := range versions {
		will := message{topic: "wills/" + version, payload: "expired", qos: 1}
		wills[will] = true
		devices = append(devices, connect(t, w.addr("plain"),
			profile{version: version, id: "d" + version, user: "anyone", password: token, will: &will}))
	}
	forEver := connect(t, w.addr("plain"), profile{version: "5.0", id: "for-ever"})
	for _, d := range devices {
		want := noCode
		if d.profile.version == "5.0" {
			want = maximumConnectTime
		}
		if got := d.ending(); got != want {
			t.Errorf("%s: ended with %#x, want %#x", d.profile.version, got, want)
		}
		if early := time.Until(exp); early > 0 {
			t.Errorf("%s: ended %v before exp", d.profile.version, early)
		}
	}
	for range devices {
		got := watcher.receive()
		if !wills[got] {
			t.Errorf("got %v, want each will once", got)
		}
		delete(wills, got)
	}
	proxytest.Eventually(t, "the log tells of each", func() bool { return w.log.lines("close_reason=expired") == len(devices) })
	echo(forEver) // a token without exp is untouched
	if got := refusal(t, w.addr("plain"), profile{version: "3.1.1", id: "late", user: "anyone", password: token}); got != 5 {
		t.Errorf("an expired token: code %#x, want 5", got)
	}
}
