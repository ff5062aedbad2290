package main_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Section 5 and 6: a known user is judged by the password file alone, whatever the password
// looks like; only strangers come to the tokens.
func TestUsersComeBeforeTokens(t *testing.T) {
	t.Parallel()
	users := passwordFile(t, "alice:correct horse")
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(b.addr()),
		fmt.Sprintf("[auth.builtin]\nusers_file = %q\n", users), sampleTokens)
	const badPassword, notAuthorized = 0, 1
	codes := map[string][2]byte{"3.1": {4, 5}, "3.1.1": {4, 5}, "5.0": {0x86, 0x87}}
	for _, version := range versions {
		for _, tc := range []struct {
			user, password string
			want           byte
		}{
			{"alice", "wrong", codes[version][badPassword]},
			{"alice", authtest.SampleToken, codes[version][badPassword]},
			{"bob", "correct horse", codes[version][notAuthorized]},
			{"bob", tampered()[2], codes[version][notAuthorized]},
		} {
			p := profile{version: version, id: "refused", user: tc.user, password: tc.password}
			if got := refusal(t, w.addr("plain"), p); got != tc.want {
				t.Errorf("%s: %s with %q: code %#x, want %#x", version, tc.user, tc.password, got, tc.want)
			}
		}
	}
	if got := b.accepted(); got != 0 {
		t.Errorf("the refused clients made %d connections to the broker, want none", got)
	}
	for _, version := range versions {
		connect(t, w.addr("plain"), profile{version: version, id: "alice", user: "alice", password: "correct horse"}).disconnect()
		connect(t, w.addr("plain"), profile{version: version, id: "bob", user: "bob", password: authtest.SampleToken}).disconnect()
	}
	for stage, user := range map[string]string{"builtin": "alice", "jwt": "bob"} {
		if got := w.log.lines("msg=connected", "username="+user+" ", "stage="+stage); got != len(versions) {
			t.Errorf("%d lines tell that %s let %s in, want %d", got, stage, user, len(versions))
		}
	}
}

func TestReplacedCredentialsAreAllThatTheBrokerSees(t *testing.T) {
	t.Parallel()
	m := startMosquitto(t, "password_file "+passwordFile(t, "1234567890:the proxy's own"))
	recorder := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	credentials := "[upstream.credentials]\nmode = \"replace\"\nusername = \"%{claim:sub}\"\npassword = \"the proxy's own\"\n"
	real := startWard(t, plainListener, upstreamAt(m.addr()), credentials, sampleTokens)
	wire := startWard(t, plainListener, upstreamAt(recorder.Addr()), credentials, sampleTokens)
	for _, version := range versions {
		d := connect(t, real.addr("plain"), profile{version: version, id: "d" + version})
		d.subscribe("x", 1)
		d.publish(message{topic: "x", qos: 1})
		d.receive()
		d.disconnect()
		connect(t, wire.addr("plain"), profile{version: version, id: "d" + version})
	}
	if got := countLines(m.log(), "New client connected", "u'1234567890'"); got != len(versions) {
		t.Errorf("mosquitto's log has our user name %d times, want %d", got, len(versions))
	}
	if strings.Contains(m.log(), "anyone") {
		t.Error("mosquitto's log has the client's user name")
	}
	for _, connect := range recorder.Connects() {
		if !bytes.Contains(connect, []byte("\x00\x0a1234567890\x00\x0fthe proxy's own")) || bytes.Contains(connect, []byte(authtest.SampleToken)) {
			t.Errorf("the broker got %q, want our user name and password", connect)
		}
	}
	if got := len(recorder.Connects()); got != len(versions) {
		t.Errorf("the broker got %d CONNECTs, want %d", got, len(versions))
	}
}

func TestStrippedTokensNeverReachTheBroker(t *testing.T) {
	t.Parallel()
	m := startMosquitto(t)
	recorder := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	for _, tc := range []struct {
		from, user, password string
		inLog                string // what mosquitto's log has at the end of the client's line
	}{
		{"password", "anyone", authtest.SampleToken, ", u'anyone')."},
		{"username", authtest.SampleToken, "", ", k0)."},
	} {
		conf := []string{plainListener, "[upstream.credentials]\nmode = \"strip\"\n", sampleTokens, fmt.Sprintf("from = %q\n", tc.from)}
		real := startWard(t, append(conf, upstreamAt(m.addr()))...)
		wire := startWard(t, append(conf, upstreamAt(recorder.Addr()))...)
		for _, version := range versions {
			id := tc.from + "-" + version
			p := profile{version: version, id: id, user: tc.user, password: tc.password}
			connect(t, real.addr("plain"), p).disconnect()
			connect(t, wire.addr("plain"), p)
			if countLines(m.log(), "New client connected", " as "+id+" ", tc.inLog) != 1 {
				t.Errorf("%s, %s: mosquitto's log has no line of %s with %q", tc.from, version, id, tc.inLog)
			}
		}
	}
	if got, want := len(recorder.Connects()), 2*len(versions); got != want {
		t.Errorf("the broker got %d CONNECTs, want %d", got, want)
	}
	token := []byte(authtest.SampleToken)
	for _, connect := range recorder.Connects() {
		if bytes.Contains(connect, token) {
			t.Errorf("the broker got %q, with the token", connect)
		}
	}
	if strings.Contains(m.log(), authtest.SampleToken) {
		t.Error("mosquitto's log has the token")
	}
}

// The broker's own refusal is the client's to see, byte for byte, and the log's.
func TestTheBrokersOwnRefusalPassesUnchanged(t *testing.T) {
	t.Parallel()
	m := startMosquitto(t, "password_file "+passwordFile(t, "alice:the right password"))
	w := startWard(t, plainListener, upstreamAt(m.addr()), "[auth]\nallow_anonymous = true\n")
	for _, version := range versions {
		c := rawProfile(version, "d"+version)
		c.UserName, c.Password = []byte("alice"), []byte("a wrong password")
		connect := packets.AppendConnect(nil, c)
		want := readToEnd(t, dialRaw(t, m.addr(), connect))
		got := readToEnd(t, dialRaw(t, w.addr("plain"), connect))
		if len(want) < 4 || want[0] != 0x20 || want[3] == 0 || string(got) != string(want) {
			t.Errorf("%s: got % x, want % x, the broker's own refusal", version, got, want)
			continue
		}
		code := fmt.Sprintf("code=0x%02x", want[3])
		proxytest.Eventually(t, version+": one line tells of the refusal with "+code, func() bool {
			return w.log.lines(`msg="refused by the broker"`, "client_id=d"+version+" ", code) == 1
		})
		c.Password = []byte("the right password")
		if code := readCode(t, dialRaw(t, w.addr("plain"), packets.AppendConnect(nil, c))); code != 0 {
			t.Errorf("%s: the right password: code %#x, want 0", version, code)
		}
	}
}
