package builtin

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mqttward/auth"
)

const (
	saltedText  = "$emqx$sha256,prefix$YQ==$6wqTCaV+lw5wuK1a9MchpDJ91RPRwP88H/eN2eymQp8="
	derivedText = "$emqx$pbkdf2,sha256,4096$YQ==$6wqTCaV+lw5wuK1a9MchpDJ91RPRwP88H/eN2eymQp8="
)

// everyHash is a hash of each kind and shape that is stored.
var everyHash = []string{
	emptySHA512, emptyPBKDF2, emptyArgon2, emptyBcrypt, snailPBKDF2, maxBcrypt,
	"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
	saltedText,
	"$emqx$sha256,disable$$6wqTCaV+lw5wuK1a9MchpDJ91RPRwP88H/eN2eymQp8=",
	derivedText,
}

func TestStoredHashesComeBackWhole(t *testing.T) {
	for _, s := range everyHash {
		h := mustParse(t, s)
		again := readStored(h.appendStored(nil))
		if got := string(again.appendText(nil)); got != s || string(h.appendText(nil)) != s {
			t.Errorf("%s comes back as %s", s, got)
		}
		if again.work() != h.work() || string(again.appendStored(nil)) != string(h.appendStored(nil)) {
			t.Errorf("%s comes back as another one", s)
		}
	}
}

func TestDirectoryFindsEveryUserAndNobodyElse(t *testing.T) {
	d := newDirectory("f")
	const users = 30_000 // more than one chunk, and several doublings
	name := func(i int) string { return fmt.Sprintf("device-%d%s", i, strings.Repeat("x", i%200)) }
	hashes := make([]Hash, len(everyHash))
	for i, s := range everyHash {
		hashes[i] = mustParse(t, s)
	}
	for i := range users {
		d.add(name(i), hashes[i%len(hashes)], i+1)
	}
	if d.Len() != users || len(d.chunks) < 2 {
		t.Fatalf("%d users in %d chunks, want %d in several", d.Len(), len(d.chunks), users)
	}
	for i := range users {
		h, ok := d.lookup([]byte(name(i)))
		if want := everyHash[i%len(everyHash)]; !ok || string(h.appendText(nil)) != want || d.line(name(i)) != i+1 {
			t.Fatalf("%s: %v, line %d; want %s on %d", name(i), ok, d.line(name(i)), want, i+1)
		}
		for _, other := range []string{name(i) + "y", name(i)[1:], "Device" + name(i)[6:]} {
			if _, ok := d.lookup([]byte(other)); ok {
				t.Fatalf("%s is found", other)
			}
		}
	}
	i := 0
	for u := range d.All() {
		if u.Name != name(i) || u.Line != i+1 || u.File != "f" {
			t.Fatalf("user %d is %s, line %d", i, u.Name, u.Line)
		}
		i++
	}
	if i != users {
		t.Errorf("%d users, want %d", i, users)
	}
}

func TestDirectoryTellsNamesApartThatShareASlot(t *testing.T) {
	d := newDirectory("f")
	d.add("joe", mustParse(t, emptySHA512), 1)
	// The same slot and the same upper bits of the hash, by force.
	at := slices.IndexFunc(d.slots, func(s uint64) bool { return s != 0 })
	for i := range d.slots {
		d.slots[i] = d.slots[at]
	}
	d.slots[(at+len(d.slots)/2)%len(d.slots)] = 0
	if _, ok := d.lookup([]byte("ann")); ok {
		t.Error("ann is found by joe's record")
	}
	if _, ok := d.lookup([]byte("joe")); !ok {
		t.Error("joe is not found")
	}
}

func TestDirectoryIsNeverPrinted(t *testing.T) {
	d, _, err := ReadFile(strings.NewReader("joe:"+emptySHA512), "f", FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, d); got != redactedText {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

// A stage finds users of both sources, and refuses a name that is in both.
func TestStageKnowsTheFilesUsersToo(t *testing.T) {
	d, _, err := ReadFile(strings.NewReader("snail:"+snailPBKDF2+"\nmany:"+emptySHA512+"\nothers:"+emptySHA512), "users", FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t, Options{Users: []User{{Name: "listed", Hash: &fakeHash{password: "pw"}}}, File: d})
	for _, tc := range []struct {
		name, password string
		want           auth.Decision
	}{
		{"listed", "pw", auth.Accept},
		{"snail", "snail", auth.Accept},
		{"snail", "wrong", auth.Deny},
		{"many", "wrong", auth.Deny},
		{"nobody", "snail", auth.Ignore},
	} {
		if got := s.Authenticate(t.Context(), credentials(tc.name, tc.password)); got.Decision != tc.want {
			t.Errorf("%s with %q: %v, want %v", tc.name, tc.password, got.Decision, tc.want)
		}
	}
	if s.slow != 1 || s.decoy.Algorithm() != "sha512" {
		t.Errorf("%d slow users and a decoy of %s, want 1 and sha512", s.slow, s.decoy.Algorithm())
	}
	_, err = New(Options{Users: []User{{Name: "many", Hash: &fakeHash{}, File: "c.toml", Line: 7}}, File: d})
	if want := `users:2: user "many": the user is declared twice: first at c.toml:7`; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}
