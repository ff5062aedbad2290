package daemon

import (
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
)

// What comes from memory allocates nothing; a verification always does.
func TestTokenCache(t *testing.T) {
	hs := authtest.NewKeySigner("HS256", []byte("a secret of thirty-two bytes ..."))
	client := &auth.Credentials{Password: []byte(hs.Sign(map[string]any{"username": "u"})), HasPassword: true,
		UserName: []byte("u"), HasUserName: true}
	judge := func(g *generation) (allocations float64) {
		return testing.AllocsPerRun(100, func() {
			if v := g.jwt.Authenticate(t.Context(), client); v.Decision != auth.Accept {
				t.Fatalf("got %v %v (%s), want accept", v.Decision, v.Reason, v.Detail)
			}
		})
	}
	const text = "[[listener]]\nname = \"mqtt\"\nbind = \"127.0.0.1:0\"\n[upstream]\naddresses = [\"127.0.0.1:1\"]\n" +
		"[auth.jwt]\nsecret = \"a secret of thirty-two bytes ...\"\n"
	generationOf := func(text string, before *generation) *generation {
		t.Helper()
		c := parse(t, t.TempDir(), text)
		g, err := newGeneration(c, generationOptions{log: NewLogger(c.Log, &logText{}), before: before, processors: 2, marker: auth.NewMarker()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.close)
		return g
	}
	on := generationOf(text, nil)
	if got := judge(on); got != 0 {
		t.Errorf("by default: got %v allocations, want none", got)
	}
	off := generationOf(text+"token_cache = 0\n", on)
	if got := judge(off); got == 0 {
		t.Error("token_cache = 0: got no allocation, want those of a verification")
	}
}
