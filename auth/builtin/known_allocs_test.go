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
		s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
		c := credentials("joe", "pw")
		s.proofs.add(s.proofs.of(c.UserName, h, c.Password), 1)
		var decision auth.Decision
		got := testing.AllocsPerRun(100, func() { decision = s.Authenticate(context.Background(), c).Decision })
		if decision != auth.Accept || got > 1 {
			t.Errorf("%s: %v with %v allocations, want accept with 1 at most", h.Algorithm(), decision, got)
		}
	}
}
