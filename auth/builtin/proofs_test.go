package builtin

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// proofNumber returns a different proof for each i.
func proofNumber(i int) (w proof) {
	binary.BigEndian.PutUint64(w[:], uint64(i)*0x9e3779b97f4a7c15)
	return w
}

// remembered returns how many proofs p has.
func (p *proofs) remembered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.younger) + len(p.older)
}

func TestProofTellsNameHashAndPasswordApart(t *testing.T) {
	p := newProofs()
	one, other := &fakeHash{kind: "k", password: "h"}, &fakeHash{kind: "k", password: "g"}
	long := strings.Repeat("n", 65535)
	// Without the name's length, the password of the one would be a part of the other's name.
	hash := string(appendPart(nil, one.appendStored(nil)))
	inPassword := hash + string(appendPart(nil, "pw"))
	inName := "ab" + hash + string(appendPart(nil, inPassword))[:4]
	seen := map[proof]string{}
	for _, tc := range []struct {
		name     string
		hash     Hash
		password string
	}{
		{"ab", one, "cd"}, {"abc", one, "d"}, {"a", one, "bcd"}, {"", one, "abcd"}, {"abcd", one, ""},
		{"cd", one, "ab"}, {"ab", other, "cd"}, {"ab", &fakeHash{kind: "kh"}, "cd"}, {"ab", &fakeHash{password: "kh"}, "cd"},
		{"ab\x00\x00\x00\x02", one, "cd"}, {"ab", one, "\x00\x00\x00\x02cd"}, {"ab", one, "cd\x00"},
		{"ab", one, inPassword}, {inName, one, "pw"},
		{long, one, "cd"}, {long[1:], one, "ncd"}, {"ab", one, long},
	} {
		w := p.of([]byte(tc.name), tc.hash, []byte(tc.password))
		text := fmt.Sprintf("%.9q, %q, %.9q", tc.name, tc.hash.appendStored(nil), tc.password)
		if before, ok := seen[w]; ok {
			t.Errorf("%s has the proof of %s", text, before)
		}
		seen[w] = text
		if again := p.of([]byte(tc.name), tc.hash, []byte(tc.password)); again != w {
			t.Errorf("%s: the proof is another one the second time", text)
		}
	}
}

func TestProofsOfTwoProcessesDiffer(t *testing.T) {
	h := &fakeHash{password: "pw"}
	one, other := newProofs(), newProofs()
	if one.of([]byte("joe"), h, []byte("pw")) == other.of([]byte("joe"), h, []byte("pw")) {
		t.Error("the same proof from two keys")
	}
}

func TestNoPasswordStaysWhereProofsAreMade(t *testing.T) {
	p := newProofs()
	h := mustParse(t, snailPBKDF2)
	m := p.macs.New().(*mac)
	m.proof([]byte("joe"), h, []byte("hunter22"))
	if text := m.text[:cap(m.text)]; len(text) == 0 || len(bytes.Trim(text, "\x00")) > 0 {
		t.Errorf("%d bytes are kept, not all zero: %q", len(text), text)
	}
	m.proof([]byte("joe"), h, bytes.Repeat([]byte("x"), 65535))
	if got := cap(m.text); got > maxKeptText {
		t.Errorf("%d bytes are kept after a long password, want %d at most", got, maxKeptText)
	}
	if p.of([]byte("joe"), h, []byte("hunter22")) != m.proof([]byte("joe"), h, []byte("hunter22")) {
		t.Error("a used mac gives another proof than a new one")
	}
}

func TestStoredHashesAreToldApartByEveryPart(t *testing.T) {
	stored := map[string]string{}
	var all []string
	for _, s := range []string{
		emptySHA512, with(emptySHA512, "MDEy", "MDEz"), with(emptySHA512, "D1Wm", "D1Wn"), with(emptySHA512, "MDEy", ""),
		emptyPBKDF2, with(emptyPBKDF2, "$101$", "$102$"), with(emptyPBKDF2, "MDEy", "MDEz"), with(emptyPBKDF2, "kzDX", "kzDY"),
		emptyArgon2, with(emptyArgon2, "m=64", "m=65"), with(emptyArgon2, "t=1", "t=2"), with(emptyArgon2, "p=1", "p=2"),
		with(emptyArgon2, "c2Fs", "c2Ft"), with(emptyArgon2, "yDCb", "yDCc"),
		// One byte of twelve moves from the salt to the hash.
		"$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAA",
		"{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9k=",
		saltedText, with(saltedText, "prefix", "suffix"), with(saltedText, "YQ==", "YWE="), with(saltedText, "6wqT", "6wqU"),
		derivedText, with(derivedText, "4096", "4097"), with(derivedText, "YQ==", "YWE="), with(derivedText, "6wqT", "6wqU"), with(derivedText, "sha256", "sha512"),
		emptyBcrypt, with(emptyBcrypt, "$04$", "$05$"), with(emptyBcrypt, "./AB", "./AC"), with(emptyBcrypt, "hfHD", "hfHE"),
	} {
		text := string(mustParse(t, s).appendStored(nil))
		if before, ok := stored[text]; ok {
			t.Errorf("%s and %s are one", s, before)
		}
		stored[text] = s
		for _, other := range all {
			if strings.HasPrefix(text, other) || strings.HasPrefix(other, text) {
				t.Errorf("of %s and %s one begins with the other", s, stored[other])
			}
		}
		all = append(all, text)
	}
}

func TestProofsAreBounded(t *testing.T) {
	p := newProofs()
	const limit = 10
	for i := range 1000 {
		p.add(proofNumber(i), limit)
		p.has(proofNumber(i/2), limit)
		if got := p.remembered(); got > 2*limit {
			t.Fatalf("%d are remembered, want %d at most", got, 2*limit)
		}
	}
	if got := p.remembered(); got < limit {
		t.Errorf("%d are remembered, want %d at least", got, limit)
	}
}

func TestWhatIsUsedIsRememberedBeforeWhatIsNot(t *testing.T) {
	p := newProofs()
	const limit = 10
	p.add(proofNumber(0), limit)
	for i := range 1000 {
		p.add(proofNumber(1+i), limit)
		if i%limit == 0 && !p.has(proofNumber(0), limit) {
			t.Fatalf("forgotten after %d others, though it was used", i+1)
		}
	}
	if p.has(proofNumber(1), limit) {
		t.Error("what was never used again is remembered after 999 others")
	}
}

// All lines may change at once: the old ones take no place from the new.
func TestEveryUsersProofHasAPlace(t *testing.T) {
	p := newProofs()
	const users = 1000
	for generation := range 3 {
		for i := range users {
			p.add(proofNumber(users*generation+i), users)
		}
		for i := range users {
			if !p.has(proofNumber(users*generation+i), users) {
				t.Fatalf("generation %d: user %d is forgotten", generation, i)
			}
		}
	}
}

func TestProofsPrintNothing(t *testing.T) {
	p := newProofs()
	p.add(proof([]byte("sixteen bytes ok")), 1)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %x %s", p, p, p, p, p)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "proofs", p)
	if s := out.String(); strings.Contains(s, "sixteen") || strings.Contains(s, "73697874") || strings.Contains(s, "115 105") {
		t.Errorf("a proof is in %q", s)
	}
}

func TestProofsAmongManyClients(t *testing.T) {
	p := newProofs()
	h := mustParse(t, snailPBKDF2)
	var clients sync.WaitGroup
	for c := range 8 {
		clients.Go(func() {
			for i := range 200 {
				w := p.of(fmt.Append(nil, "user", i%50), h, []byte("pw"))
				p.has(w, 10+c)
				p.add(w, 10+c)
			}
		})
	}
	clients.Wait()
	if got := p.remembered(); got == 0 || got > 34 {
		t.Errorf("%d are remembered, want 1 to 34", got)
	}
}
