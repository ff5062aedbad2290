package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/cmd/internal/mint"
	"mqttward/proxy/proxytest"
)

// Tokens of every algorithm that "mqttward token" makes let a client in, by the key that it made
// with them, and by the key set that it prints; what it makes to be refused is refused.
func TestTokensOfTheCommandLetIn(t *testing.T) {
	t.Parallel()
	b := startEmbedded(t)
	for _, alg := range mint.Algorithms() {
		name := filepath.Join(t.TempDir(), alg)
		mqttward(t, "", "token", "keygen", "-alg", alg, name)
		sign := []string{"token", "sign", "-alg", alg, "-claim", "username=alice"}
		confs := []string{}
		if mint.IsSecret(alg) {
			sign = append(sign, "-secret-file", name+".secret")
			confs = append(confs, fmt.Sprintf("secret_file = %q", name+".secret"))
		} else {
			sign = append(sign, "-key", name+".key")
			confs = append(confs, fmt.Sprintf("public_key_file = %q", name+".pub"), fmt.Sprintf("jwks_url = %q", serveText(t, mqttward(t, "", "token", "jwks", name+".pub"))))
		}
		good := strings.TrimSpace(mqttward(t, "", sign...))
		late := strings.TrimSpace(mqttward(t, "", append(sign, "-expires-in", "-1s")...))
		early := strings.TrimSpace(mqttward(t, "", append(sign, "-not-before", "1h")...))
		for _, conf := range confs {
			w := startWard(t, plainListener, upstreamAt(b.addr()), "[auth.jwt]\n"+conf+"\n[auth.jwt.claims]\nusername = \"%u\"\n")
			proxytest.Eventually(t, alg+" lets in by "+conf, func() bool {
				d, err := tryConnect(t, w.addr("plain"), profile{version: "5.0", id: alg, user: "alice", password: good})
				if err == nil {
					d.disconnect()
				}
				return err == nil
			})
			for _, p := range []profile{{user: "alice", password: late}, {user: "alice", password: early}, {user: "bob", password: good}} {
				p.version, p.id = "5.0", "refused"
				if got := refusal(t, w.addr("plain"), p); got != 0x87 {
					t.Errorf("%s by %s: code %#x, want 0x87", alg, conf, got)
				}
			}
		}
	}
}

// serveText serves a text over HTTP, and returns its URL.
func serveText(t *testing.T, text string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
	t.Cleanup(s.Close)
	return s.URL
}
