package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"mqttward/auth/authtest"
	"mqttward/config"
)

// The key set comes from the network where that is asked for, or from a file, or from disk.
func TestExplainKeySet(t *testing.T) {
	rs := authtest.NewSigner("RS256", 0)
	provider := authtest.NewProvider(rs.JWK("k1"))
	url := provider.Start(t)
	dir := t.TempDir()
	cache := filepath.Join(dir, "cache.json")
	token := rs.SignWith(map[string]any{"kid": "k1"}, map[string]any{"sub": "x"})
	key, err := json.Marshal(rs.JWK("k1"))
	if err != nil {
		t.Fatal(err)
	}
	set := `{"keys":[` + string(key) + `]}`
	for _, tc := range []struct {
		name            string
		online          bool
		set             string
		verdict, reason string
		requests        int
	}{
		{"neither", false, "", "unknown", "keys_unavailable", 0},
		{"online", true, "", "accept", "", 1},
		{"file", false, set, "accept", "", 0},
		{"file of another key", false, `{"keys":[]}`, "deny", "unknown_kid", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := parse(t, dir, base+"[auth.jwt]\njwks_url = \""+url+"\"\njwks_cache_file = \"cache.json\"\n")
			before := provider.Requests()
			o := ExplainOptions{Online: tc.online, Client: ExplainClient{ClientID: "c", Password: &token}, Log: NewLogger(config.Log{}, &logText{})}
			if tc.set != "" {
				o.KeySet = []byte(tc.set)
			}
			r, err := Explain(t.Context(), c, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tc.verdict || r.Reason != tc.reason || (r.Unknown != "") != (tc.verdict == "unknown") {
				t.Errorf("got %+v, want %s %s", r, tc.verdict, tc.reason)
			}
			if n := provider.Requests() - before; n != tc.requests {
				t.Errorf("got %d requests, want %d", n, tc.requests)
			}
			if _, err := os.Stat(cache); err == nil {
				t.Error("the cache file, which is the daemon's, was written")
			}
		})
	}
}
