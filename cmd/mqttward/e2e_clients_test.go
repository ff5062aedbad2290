package main_test

import (
	"strings"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/proxy/proxytest"
)

// mosquittoVersions are -V's words, and what mosquitto_pub says and exits with when it is
// not authorised.
var mosquittoVersions = []struct {
	version, refusal string
	exit             int
}{
	{"mqttv31", "Connection Refused: not authorised", 5},
	{"mqttv311", "Connection Refused: not authorised", 5},
	{"mqttv5", "Not authorized", 135},
}

func TestMosquittoClientsPassWithTheSampleToken(t *testing.T) {
	t.Parallel()
	needMosquitto(t, "mosquitto_pub", "mosquitto_sub")
	m := startMosquitto(t)
	ca := proxytest.NewCA(t, "e2e")
	cert, key := ca.IssueFiles("localhost")
	w := startWard(t, plainListener, tlsListener(cert, key), upstreamAt(m.addr()), sampleTokens)
	for _, listener := range []struct {
		name string
		args []string
	}{{"plain", nil}, {"tls", []string{"--cafile", ca.File()}}} {
		for _, v := range mosquittoVersions {
			t.Run(listener.name+"/"+v.version, func(t *testing.T) {
				topic := listener.name + "/" + v.version
				args := func(token string, more ...string) []string {
					args := append([]string{"-V", v.version, "-u", "anyone", "-P", token, "-t", topic}, listener.args...)
					return append(args, more...)
				}
				id := "sub-" + listener.name + v.version
				sub := startClient(t, "mosquitto_sub", w.addr(listener.name), args(authtest.SampleToken, "-i", id, "-q", "1", "-C", "1")...)
				m.waitSubscribed(id)
				pub := startClient(t, "mosquitto_pub", w.addr(listener.name), args(authtest.SampleToken, "-q", "1", "-m", "21.5")...)
				if code := pub.wait(t); code != 0 {
					t.Errorf("exit code %d, want 0: %v", code, pub)
				}
				if code := sub.wait(t); code != 0 || sub.out.String() != "21.5\n" {
					t.Errorf("exit code %d, want 0 and the message: %v", code, sub)
				}
				before := m.accepted()
				for _, token := range tampered() {
					pub := startClient(t, "mosquitto_pub", w.addr(listener.name), args(token, "-m", "x")...)
					if code := pub.wait(t); code != v.exit || !strings.Contains(pub.err.String(), v.refusal) {
						t.Errorf("%s: exit code %d, want %d and %q: %v", token, code, v.exit, v.refusal, pub)
					}
				}
				if got := m.accepted() - before; got != 0 {
					t.Errorf("the refused clients made %d connections to the broker, want none", got)
				}
			})
		}
	}
	if m.accepted() == 0 {
		t.Error("the broker's log shows no connection of a good client: the test can't see one")
	}
}

// tampered are copies of the sample token with one byte changed, in each of its parts.
func tampered() []string {
	var all []string
	start := 0
	for part := range strings.SplitSeq(authtest.SampleToken, ".") {
		b := []byte(authtest.SampleToken)
		if i := start + len(part)/2; b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		all = append(all, string(b))
		start += len(part) + 1
	}
	return all
}

func TestAMosquittoBridgePasses(t *testing.T) {
	t.Parallel()
	far := startMosquitto(t)
	w := startWard(t, plainListener, upstreamAt(far.addr()), sampleTokens)
	near := startMosquitto(t, "allow_anonymous true",
		"connection up", "address "+w.addr("plain"), "topic shared/# both 1",
		"bridge_protocol_version mqttv311", "try_private true",
		"remote_clientid bridge-1", "remote_username anyone", "remote_password "+authtest.SampleToken)
	far.waitSubscribed("bridge-1")

	atNear := connect(t, near.addr(), profile{version: "3.1.1", id: "near"})
	atNear.subscribe("shared/#", 1)
	atFar := connect(t, far.addr(), profile{version: "3.1.1", id: "far"})
	atFar.subscribe("shared/#", 1)
	up := message{topic: "shared/up", payload: "1", qos: 1}
	down := message{topic: "shared/down", payload: "2", qos: 1}
	atNear.publish(up)
	if got := atFar.receive(); got != up {
		t.Fatalf("far: got %v, want %v", got, up)
	}
	atFar.publish(down)
	// Each once and in order: without the bridge bit the far broker would send up back.
	for _, want := range []message{up, down} {
		if got := atNear.receive(); got != want {
			t.Fatalf("near: got %v, want %v", got, want)
		}
	}
	if got := w.log.lines("msg=connected", "client_id=bridge-1", "mqtt=3.1.1"); got != 1 {
		t.Errorf("%d lines tell of the bridge, want 1", got)
	}
}
