//go:build !race

package builtin

import (
	"context"
	"testing"

	"mqttward/auth"
)

// The race detector has pools lose what is put into them.
func TestKnownPasswordAllocatesTheNameAlone(t *testing.T) {
	for _, hash := range []string{snailPBKDF2, with(emptyArgon2, "m=64", "m=47104"), with(emptyBcrypt, "$04$", "$10$")} {
		h := mustParse(t, hash)
		s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}, Marker: auth.NewMarker()})
		c := credentials("joe", "pw")
		s.proofs.add(s.proofs.of(c.UserName, h, c.Password), 1)
		var decision auth.Decision
		got := testing.AllocsPerRun(100, func() { decision = s.Authenticate(context.Background(), c).Decision })
		if decision != auth.Accept || got > 1 {
			t.Errorf("%s: %v with %v allocations, want accept with 1 at most", h.Algorithm(), decision, got)
		}
	}
}

// A mark costs the client of a file's user no allocation: its hash is not read for it.
func TestMarkOfAFilesUserAllocatesNothing(t *testing.T) {
	s := markedStage(t, auth.NewMarker(), UserName, "joe:"+fastSHA512+"\n")
	name := []byte("joe")
	if got := testing.AllocsPerRun(100, func() {
		if s.mark(name) == 0 {
			t.Fatal("no mark")
		}
	}); got > 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}
