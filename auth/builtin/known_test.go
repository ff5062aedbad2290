package builtin

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
)

// counted is a slow hash of password that counts how often it is computed.
func counted(password string) (*fakeHash, *atomic.Int32) {
	asked := new(atomic.Int32)
	return &fakeHash{password: password, takes: time.Second, asked: asked}, asked
}

// judges authenticates and compares the verdict, and how many hashes were computed so far.
func judges(t *testing.T, s *Stage, c *auth.Credentials, want auth.Decision, asked *atomic.Int32, hashes int32) {
	t.Helper()
	got := s.Authenticate(t.Context(), c)
	if got.Decision != want || asked.Load() != hashes {
		t.Errorf("%s: %v %v after %d hashes, want %v after %d", c.UserName, got.Decision, got.Reason, asked.Load(), want, hashes)
	}
}

func TestRightPasswordCostsOneHash(t *testing.T) {
	h, asked := counted("pw")
	s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
	for range 3 {
		judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
	}
	if got := s.Authenticate(t.Context(), credentials("joe", "pw")); got.Identity.Name != "joe" {
		t.Errorf("identity = %q, want joe", got.Identity.Name)
	}
}

func TestWrongPasswordCostsAHashEachTime(t *testing.T) {
	h, asked := counted("pw")
	s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
	judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
	for i := range int32(3) {
		judges(t, s, credentials("joe", "no"), auth.Deny, asked, 2+i)
	}
	for i := range int32(3) {
		judges(t, s, credentials("nobody", "pw"), auth.Ignore, asked, 5+i)
	}
	judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 7)
	if got := s.proofs.remembered(); got != 1 {
		t.Errorf("%d are remembered, want the right one alone", got)
	}
}

func TestEmptyPasswordIsNeverRemembered(t *testing.T) {
	h, asked := counted("")
	s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
	absent := credentials("joe", "")
	absent.HasPassword = false
	for i, c := range []*auth.Credentials{credentials("joe", ""), absent, credentials("joe", "")} {
		judges(t, s, c, auth.Deny, asked, int32(1+i))
	}
	if got := s.proofs.remembered(); got != 0 {
		t.Errorf("%d are remembered, want none", got)
	}
}

func TestSameHashOfAnotherUserIsComputed(t *testing.T) {
	h, asked := counted("pw")
	s := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}, {Name: "ann", Hash: h}}})
	judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
	judges(t, s, credentials("ann", "pw"), auth.Accept, asked, 2)
	judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 2)
}

func TestFastHashesAreNotRemembered(t *testing.T) {
	slow, asked := counted("pw")
	fast := &fakeHash{password: "pw", takes: slowFrom - 1, asked: asked}
	s := newStage(t, Options{Users: []User{{Name: "slow", Hash: slow}, {Name: "fast", Hash: fast}}})
	judges(t, s, credentials("fast", "pw"), auth.Accept, asked, 1)
	judges(t, s, credentials("fast", "pw"), auth.Accept, asked, 2)
	if s := newStage(t, Options{Users: []User{{Name: "fast", Hash: fast}}}); s.proofs != nil {
		t.Error("a stage of fast hashes remembers")
	}
}

func TestReloadKeepsWhatDidNotChange(t *testing.T) {
	const changed = "another hash of the same password"
	for _, tc := range []struct {
		name, user, password string // of the only user after the reload
		kind                 string
		given                string
		want                 auth.Decision
		hashes               int32
	}{
		{"unchanged", "joe", "pw", "", "pw", auth.Accept, 0},
		{"unchanged, wrong password", "joe", "pw", "", "no", auth.Deny, 1},
		{"new password, old one given", "joe", "new", "", "pw", auth.Deny, 1},
		{"new password", "joe", "new", "", "new", auth.Accept, 1},
		{"new hash of the same password", "joe", "pw", changed, "pw", auth.Accept, 1},
		{"line moved to another user", "ann", "pw", "", "pw", auth.Accept, 1},
	} {
		h, _ := counted("pw")
		before := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
		before.Authenticate(t.Context(), credentials("joe", "pw"))
		next, asked := counted(tc.password)
		next.kind = tc.kind
		after := newStage(t, Options{Users: []User{{Name: tc.user, Hash: next}}, Before: before})
		before.Close()
		t.Run(tc.name, func(t *testing.T) {
			judges(t, after, credentials(tc.user, tc.given), tc.want, asked, tc.hashes)
		})
	}
}

func TestUserWhoIsGoneIsUnknownThoughRemembered(t *testing.T) {
	h, asked := counted("pw")
	before := newStage(t, Options{Users: []User{{Name: "joe", Hash: h}}})
	judges(t, before, credentials("joe", "pw"), auth.Accept, asked, 1)
	other, asked := counted("x")
	after := newStage(t, Options{Users: []User{{Name: "ann", Hash: other}}, Before: before})
	judges(t, after, credentials("joe", "pw"), auth.Ignore, asked, 1)
}

// The same line in another spelling is the same hash.
func TestReloadKeepsRealHashes(t *testing.T) {
	for _, tc := range []struct{ name, before, after, password string }{
		{"PBKDF2", snailPBKDF2, snailPBKDF2, "snail"},
		{"bcrypt", with(maxBcrypt, "$2b$", "$2a$"), with(maxBcrypt, "$2b$", "$2y$"), strings.Repeat("z", 72)},
	} {
		slowest := User{Name: "slow", Hash: mustParse(t, snailPBKDF2)}
		before := newStage(t, Options{Users: []User{{Name: "joe", Hash: alwaysSlow{mustParse(t, tc.before)}}, slowest}})
		if got := before.Authenticate(t.Context(), credentials("joe", tc.password)); got.Decision != auth.Accept {
			t.Fatalf("%s: %v", tc.name, got.Decision)
		}
		after := newStage(t, Options{Users: []User{{Name: "joe", Hash: alwaysSlow{mustParse(t, tc.after)}}, slowest}, Before: before})
		after.Close() // nothing can be computed any more
		if got := after.Authenticate(t.Context(), credentials("joe", tc.password)); got.Decision != auth.Accept {
			t.Errorf("%s: %v %v after a reload, want accept", tc.name, got.Decision, got.Reason)
		}
		if got := after.Authenticate(t.Context(), credentials("joe", "no")); got.Reason != auth.Busy {
			t.Errorf("%s: wrong password: %v %v, want busy", tc.name, got.Decision, got.Reason)
		}
	}
}

// alwaysSlow is a hash that takes long by its own account.
type alwaysSlow struct{ Hash }

func (alwaysSlow) work() work { return work{takes: slowFrom} }

// What the replaced stage still finds right is known to its successor, which was made before.
func TestFindingDuringAReloadIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h, asked := counted("pw")
		h.run = func([]byte) { <-release }
		users := []User{{Name: "joe", Hash: h}}
		before, err := New(Options{Users: users})
		if err != nil {
			t.Fatal(err)
		}
		verdict := inBackground(t.Context(), before)
		synctest.Wait()
		after, err := New(Options{Users: users, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		defer after.Close()
		close(release)
		if got := <-verdict; got.Decision != auth.Accept {
			t.Errorf("by the old stage: %v, want accept", got.Decision)
		}
		before.Close()
		judges(t, after, credentials("joe", "pw"), auth.Accept, asked, 1)
	})
}

func TestFindingIsKeptThoughTheClientGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, asked := counted("pw")
		h.run = func([]byte) { time.Sleep(6 * time.Second) }
		s, err := New(Options{Users: []User{{Name: "joe", Hash: h}}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if got := s.Authenticate(ctx, credentials("joe", "pw")); got.Reason != auth.Busy {
			t.Errorf("within auth_timeout: %v %v, want busy", got.Decision, got.Reason)
		}
		time.Sleep(5 * time.Second)
		judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
	})
}

func TestDeviceThatCameTwiceCostsOneHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, asked := counted("pw")
		h.run = func([]byte) { time.Sleep(time.Second) }
		s, err := New(Options{Users: []User{{Name: "joe", Hash: h}}, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		first, second := inBackground(t.Context(), s), inBackground(t.Context(), s)
		for _, verdict := range []<-chan auth.Verdict{first, second} {
			if got := <-verdict; got.Decision != auth.Accept {
				t.Errorf("verdict = %v, want accept", got.Decision)
			}
		}
		if got := asked.Load(); got != 1 {
			t.Errorf("%d hashes, want 1", got)
		}
	})
}

func TestKnownPasswordNeedsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		h, asked := counted("pw")
		users := []User{{Name: "joe", Hash: h}, {Name: "snail", Hash: &fakeHash{password: "x", takes: time.Second, run: func([]byte) { <-release }}}}
		s, err := New(Options{Users: users, Workers: 1, Queue: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		defer close(release)
		judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
		for range 2 {
			go s.Authenticate(t.Context(), credentials("snail", "y"))
			synctest.Wait()
		}
		begin := time.Now()
		judges(t, s, credentials("joe", "pw"), auth.Accept, asked, 1)
		judges(t, s, credentials("joe", "no"), auth.Deny, asked, 1)
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}
