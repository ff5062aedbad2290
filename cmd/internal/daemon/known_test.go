package daemon

import (
	"io"
	"testing"

	"mqttward/auth"
	"mqttward/config"
)

// snail has the password "snail", and a hash that is slow.
const snail = `[[auth.builtin.user]]
name = "snail"
password_hash = "$7$1000$MDEyMzQ1Njc4OWFi$5U8wg98Omw7BarGPK68Q5M1ZgExecSOEDFVUHRGsQ+lGxaLrSr+WR+SLOAy/JhCNsAfxu/rJZweD1kVMcMf13g=="
`

func TestReloadKeepsThePasswordsThatWereFoundRight(t *testing.T) {
	log := NewLogger(config.Log{Format: config.LogText}, io.Discard)
	generationOf := func(text string, before *generation) *generation {
		t.Helper()
		g, err := newGeneration(parse(t, t.TempDir(), plain("127.0.0.1:1")+text), generationOptions{log: log, before: before, processors: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.close)
		return g
	}
	judge := func(g *generation, password string) auth.Verdict {
		return g.policy.Chain.Authenticate(t.Context(), &auth.Credentials{
			UserName: []byte("snail"), HasUserName: true, Password: []byte(password), HasPassword: true,
		})
	}
	first := generationOf(snail, nil)
	if got := judge(first, "snail"); got.Decision != auth.Accept {
		t.Fatalf("%v %v, want accept", got.Decision, got.Reason)
	}
	second := generationOf(snail+"[[auth.builtin.user]]\nname = \"alice\"\npassword_hash = \""+aliceHash+"\"\n", first)
	second.close() // no hash can be computed any more
	if got := judge(second, "snail"); got.Decision != auth.Accept {
		t.Errorf("after a reload: %v %v, want accept without a hash", got.Decision, got.Reason)
	}
	if got := judge(second, "slug"); got.Reason != auth.Busy {
		t.Errorf("a wrong password after a reload: %v %v, want busy for want of a hash", got.Decision, got.Reason)
	}
	if third := generationOf(snail, nil); judge(third, "snail").Decision != auth.Accept {
		t.Error("a generation without a predecessor does not let snail in")
	}
}
