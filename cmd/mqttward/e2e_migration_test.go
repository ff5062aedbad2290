package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/proxy/proxytest"
)

// The examples of "mqttward config import -h", as they stand there.
func migration(t *testing.T, from string) string {
	t.Helper()
	_, text, ok := strings.Cut(mqttward(t, "", "config", "import", "-h"), "\n"+from)
	if !ok {
		t.Fatalf("the help has no %q", from)
	}
	text, _, _ = strings.Cut(text, "\nFrom ")
	var conf strings.Builder
	for line := range strings.Lines(text) {
		if key, ok := strings.CutPrefix(line, "  "); ok {
			conf.WriteString(key)
		}
	}
	return conf.String()
}

// From mosquitto with a password_file: who could connect still can, and nobody else.
func TestMigrationFromMosquitto(t *testing.T) {
	t.Parallel()
	users := passwordFile(t, "alice:wonderland")
	m := startMosquitto(t, "password_file "+users, "allow_anonymous false")
	front := proxytest.FreeAddress(t)
	_, port, _ := strings.Cut(front, ":")
	old := writeFile(t, "mosquitto.conf", fmt.Sprintf("listener %s 127.0.0.1\npassword_file %s\nallow_anonymous false\n", port, users))
	cmd := mqttward(t, "", "config", "import", "mosquitto", old)
	b := startEmbedded(t)
	w := startWard(t, strings.Replace(cmd, "127.0.0.1:1884", b.addr(), 1))
	if got := w.addr("mqtt-" + port); got != front {
		t.Errorf("mqttward listens at %s, want %s", got, front)
	}
	for _, address := range []string{m.addr(), front} {
		for _, version := range versions {
			connect(t, address, profile{version: version, id: "a" + version, user: "alice", password: "wonderland"}).disconnect()
			refusal(t, address, profile{version: version, id: "b", user: "alice", password: "wrong"})
			refusal(t, address, profile{version: version, id: "c", user: "bob", password: "wonderland"})
			refusal(t, address, profile{version: version, id: "d"})
		}
	}
}

// From mosquitto-go-auth: the token is the user name, and the broker sees the name in it.
func TestMigrationFromMosquittoGoAuth(t *testing.T) {
	t.Parallel()
	const secret = "9f86d081884c7d659a2feaa0c55ad015"
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	conf := strings.Replace(migration(t, "From mosquitto-go-auth"), "${MQTT_JWT_SECRET}", secret, 1)
	w := startWard(t, plainListener, upstreamAt(b.Addr()), conf)
	token := strings.TrimSpace(mqttward(t, secret, "token", "sign", "-secret-file", "-", "-claim", "sub=alice"))
	connect(t, w.addr("plain"), profile{version: "3.1.1", id: "a", user: token})
	other := strings.TrimSpace(mqttward(t, "another secret", "token", "sign", "-secret-file", "-", "-claim", "sub=alice"))
	refusal(t, w.addr("plain"), profile{version: "3.1.1", id: "b", user: other})
	refusal(t, w.addr("plain"), profile{version: "3.1.1", id: "c", user: "alice"})
	if all := b.Connects(); len(all) != 1 || !bytes.Contains(all[0], []byte("\x00\x05alice")) || bytes.Contains(all[0], []byte(token)) {
		t.Errorf("the broker got %q, want one CONNECT of alice", all)
	}
}

// From EMQX: the exported users with their passwords, and tokens by the same declarations.
func TestMigrationFromEMQX(t *testing.T) {
	t.Parallel()
	const secret = "9f86d081884c7d659a2feaa0c55ad015"
	sample, err := os.ReadFile(filepath.Join("..", "..", "auth", "builtin", "testdata", "emqx.csv"))
	if err != nil {
		t.Fatal(err)
	}
	users := writeFile(t, "emqx-users.csv", string(sample))
	conf := strings.NewReplacer("${MQTT_JWT_SECRET}", secret, "emqx-users.csv", users).Replace(migration(t, "From EMQX"))
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(b.addr()), conf)
	token := strings.TrimSpace(mqttward(t, secret, "token", "sign", "-secret-file", "-", "-claim", "username=bob"))
	for _, version := range versions {
		connect(t, w.addr("plain"), profile{version: version, id: "a", user: "myuser3", password: "mypassword3"}).disconnect()
		connect(t, w.addr("plain"), profile{version: version, id: "b", user: "bob", password: token}).disconnect()
		refusal(t, w.addr("plain"), profile{version: version, id: "c", user: "myuser3", password: token})
		refusal(t, w.addr("plain"), profile{version: version, id: "d", user: "eve", password: token})
		refusal(t, w.addr("plain"), profile{version: version, id: "e", user: "bob", password: "mypassword3"})
	}
}
