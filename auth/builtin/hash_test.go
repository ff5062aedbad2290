package builtin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Hashes of the empty password and of "snail", made with hashlib, libargon2 and crypt(3).
const (
	emptySHA512 = "$6$MDEyMzQ1Njc4OWFi$D1Wmwbo//Ju+TOxH6D+S+wXsEYYnYfPIcZXq2z8FSWAnek/S+F/spLYb2grR5FPUl7wZyHna669O5GZ4DjHmyw=="
	emptyPBKDF2 = "$7$101$MDEyMzQ1Njc4OWFi$kzDXCXdMu3h7h0NtE+I+qTtTcGAUlFRHwpQWMPRqszBH4cPoNtY8ftOLFMIoAPXoISgI7lHqw9Fpgdh2lyuFlw=="
	emptyArgon2 = "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$yDCbRXt8YBhEtYWu23Ut1dbynmb19XUzbcBonDMLqwE"
	emptyBcrypt = "$2b$04$./ABCDEFGHIJKLMNOPQRS.BoAhfHDHWO7sqPY/n.AzGgud2HTJMTW"
	snailPBKDF2 = "$7$1000$MDEyMzQ1Njc4OWFi$5U8wg98Omw7BarGPK68Q5M1ZgExecSOEDFVUHRGsQ+lGxaLrSr+WR+SLOAy/JhCNsAfxu/rJZweD1kVMcMf13g=="
	maxBcrypt   = "$2b$04$./ABCDEFGHIJKLMNOPQRS.28sXloAWz3Y5nsLoTDhOWaMywWtczLa" // 72 z
	systemCrypt = "$6$saltstring$nk7Qohr7tOmwY2mX639VRP.Lyvj3uhcgpatqHuLC867qfSHKq1LDuKa/h7Es9Nv0aL08pbF.cnQlRqhaoKT/D."
)

func mustParse(t testing.TB, s string) Hash {
	t.Helper()
	h, err := ParseHash(s)
	if err != nil {
		t.Fatalf("ParseHash(%q): %v", s, err)
	}
	return h
}

func TestVerifyKnowsTheEmptyPassword(t *testing.T) {
	for _, s := range []string{emptySHA512, emptyPBKDF2, emptyArgon2, emptyBcrypt} {
		h := mustParse(t, s)
		for _, tc := range []struct {
			password []byte
			want     bool
		}{{nil, true}, {[]byte{}, true}, {[]byte("x"), false}, {[]byte{0}, false}} {
			if got, _ := h.verify(tc.password); got != tc.want {
				t.Errorf("%s: verify(%q) = %v, want %v", h.Algorithm(), tc.password, got, tc.want)
			}
		}
	}
}

func TestVerifyRefusesWhatTheKindCannotTellApart(t *testing.T) {
	snail, empty, zs := mustParse(t, snailPBKDF2), mustParse(t, emptyBcrypt), mustParse(t, maxBcrypt)
	for _, tc := range []struct {
		name     string
		hash     Hash
		password string
		ok       bool
		err      error
	}{
		{"HMAC key", snail, "snail", true, nil},
		{"HMAC key filled with NUL", snail, "snail\x00", false, hasNUL},
		{"bcrypt's empty password as its own NUL", empty, "\x00", false, hasNUL},
		{"bcrypt repeats its key", empty, "\x00\x00\x00", false, hasNUL},
		{"bcrypt at its limit", zs, strings.Repeat("z", 72), true, nil},
		{"bcrypt beyond its limit is not cut", zs, strings.Repeat("z", 73), false, tooLong},
		{"bcrypt far beyond its limit", zs, strings.Repeat("z", 65535), false, tooLong},
	} {
		ok, err := tc.hash.verify([]byte(tc.password))
		if ok != tc.ok || !errors.Is(err, tc.err) {
			t.Errorf("%s: verify = %v, %v; want %v, %v", tc.name, ok, err, tc.ok, tc.err)
		}
	}
}

func TestVerifyLeavesThePasswordAsItWas(t *testing.T) {
	for _, s := range []string{emptySHA512, emptyPBKDF2, emptyArgon2, emptyBcrypt} {
		buf := []byte("passwordNEXT")
		mustParse(t, s).verify(buf[:8])
		if got, want := string(buf), "passwordNEXT"; got != want {
			t.Errorf("%s: buffer = %q after verify, want %q", s[:4], got, want)
		}
	}
}

// with replaces parts of a good hash.
func with(good string, oldnew ...string) string { return strings.NewReplacer(oldnew...).Replace(good) }

func TestParseHashRefuses(t *testing.T) {
	const argon = emptyArgon2
	for _, tc := range []struct {
		name, hash string
		want       error
		text       string // must be in the message
	}{
		{"nothing", "", ErrUnknownHash, "empty"},
		{"clear text", "hunter22", ErrUnknownHash, "clear-text"},
		{"clear text with blanks", "hunter 22", ErrUnknownHash, "clear-text"},
		{"long clear text", strings.Repeat("hunter22", 100), ErrUnknownHash, "characters"},
		{"apr1", "$apr1$hunter22$hunter22hunter22hunter", ErrUnknownHash, "Apache's MD5"},
		{"sha", "{SHA}hunter22", ErrBadHash, "6 bytes, not 20"},
		{"ssha", "{SSHA}hunter22", ErrUnknownHash, "SHA-1"},
		{"sha256crypt", "$5$hunter22$x", ErrUnknownHash, "SHA-256-crypt"},
		{"yescrypt", "$y$j9T$hunter22", ErrUnknownHash, "yescrypt"},
		{"argon2i", "$argon2i$v=19$m=64,t=1,p=1$hunter22$x", ErrUnknownHash, "argon2i"},
		{"bcrypt 2x", "$2x" + emptyBcrypt[3:], ErrUnknownHash, "bcrypt"},
		{"sha in hexadecimal", "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", ErrBadHash, "30 bytes"},
		{"emqx bare", "$emqx$", ErrBadHash, "$emqx$DIGEST"},
		{"emqx plain", "$emqx$plain,prefix$$aHVudGVyMjI=", ErrBadHash, "sha256"},
		{"emqx position", "$emqx$sha256,before$$aHVudGVyMjI=", ErrBadHash, "prefix"},
		{"emqx short", "$emqx$sha256,prefix$$aHVudGVyMjI=", ErrBadHash, "8 bytes, not 32"},
		{"emqx salt not used", "$emqx$md5,disable$eA==$AAAAAAAAAAAAAAAAAAAAAA==", ErrBadHash, "disable"},
		{"emqx pbkdf2 of nothing", "$emqx$pbkdf2,md4,1$$AAAAAAAAAAAAAAAAAAAAAA==", ErrBadHash, "sha256"},
		{"emqx pbkdf2 iterations", "$emqx$pbkdf2,md5,2000001$$AAAAAAAAAAAAAAAAAAAAAA==", ErrBadHash, "2000001"},
		{"emqx pbkdf2 short", "$emqx$pbkdf2,md5,1$$AAAAAAAAAAA=", ErrBadHash, "8 bytes, not 16"},
		{"unknown dollar", "$hunter22$", ErrUnknownHash, "unknown kind"},
		{"system crypt", systemCrypt, ErrBadHash, "/etc/shadow"},
		{"system crypt with rounds", "$6$rounds=5000$salt$hunter22", ErrBadHash, "/etc/shadow"},

		{"6 bare", "$6$", ErrBadHash, "$6$salt$hash"},
		{"6 no hash", "$6$MDEyMzQ1Njc4OWFi", ErrBadHash, "$6$salt$hash"},
		{"6 empty hash", "$6$MDEyMzQ1Njc4OWFi$", ErrBadHash, "0 bytes, not 64"},
		{"6 short hash", with(emptySHA512, "wr==", "", "myw==", ""), ErrBadHash, "hash"},
		{"6 long hash", emptySHA512[:len(emptySHA512)-2] + "AA", ErrBadHash, "66 bytes"},
		{"6 short salt", with(emptySHA512, "MDEyMzQ1Njc4OWFi", "MDEy"), ErrBadHash, "salt has 3 bytes"},
		{"6 empty salt", with(emptySHA512, "MDEyMzQ1Njc4OWFi", ""), ErrBadHash, "salt has 0 bytes"},
		{"6 another part", emptySHA512 + "$x", ErrBadHash, "base64"},
		{"6 unused bits set", emptySHA512[:len(emptySHA512)-3] + "x==", ErrBadHash, "base64"},
		{"6 url base64", with(emptySHA512, "+", "-", "/", "_"), ErrBadHash, "base64"},
		{"6 line break", emptySHA512[:40] + "\n" + emptySHA512[40:], ErrBadHash, "character 41"},
		{"6 blank", emptySHA512 + " ", ErrBadHash, "character"},

		{"7 no salt", "$7$101$", ErrBadHash, "iterations$salt$hash"},
		{"7 zero iterations", with(emptyPBKDF2, "$101$", "$0$"), ErrBadHash, "iterations"},
		{"7 negative", with(emptyPBKDF2, "$101$", "$-1$"), ErrBadHash, "iterations"},
		{"7 leading zero", with(emptyPBKDF2, "$101$", "$0101$"), ErrBadHash, "iterations"},
		{"7 too many", with(emptyPBKDF2, "$101$", "$2000001$"), ErrBadHash, "2000001"},
		{"7 overflow", with(emptyPBKDF2, "$101$", "$99999999999999999999$"), ErrBadHash, "iterations"},
		{"7 not a number", with(emptyPBKDF2, "$101$", "$1e3$"), ErrBadHash, "iterations"},
		{"7 is scrypt", "$7$CU..../....hunter22$x", ErrBadHash, "iterations"},

		{"argon2 version 16", with(argon, "v=19", "v=16"), ErrBadHash, "version 16"},
		{"argon2 no version", with(argon, "v=19$", ""), ErrBadHash, "version 16"},
		{"argon2 order", with(argon, "m=64,t=1", "t=1,m=64"), ErrBadHash, "m=MEMORY"},
		{"argon2 missing lanes", with(argon, ",p=1", ""), ErrBadHash, "m=MEMORY"},
		{"argon2 memory", with(argon, "m=64", "m=262145"), ErrBadHash, "262145"},
		{"argon2 too little memory", with(argon, "m=64", "m=7"), ErrBadHash, "want 8"},
		{"argon2 too little memory for its lanes", with(argon, "p=1", "p=9"), ErrBadHash, "want 72"},
		{"argon2 passes", with(argon, "t=1", "t=257"), ErrBadHash, "257"},
		{"argon2 no passes", with(argon, "t=1", "t=0"), ErrBadHash, "passes"},
		{"argon2 lanes", with(argon, "p=1", "p=17"), ErrBadHash, "lanes"},
		{"argon2 time", with(argon, "m=64,t=1", "m=262144,t=17"), ErrBadHash, "times"},
		{"argon2 short salt", with(argon, "c2FsdHNhbHQ", "c2Fs"), ErrBadHash, "salt has 3"},
		{"argon2 padded", argon + "=", ErrBadHash, "base64"},
		{"argon2 short hash", argon[:len(argon)-30], ErrBadHash, "hash"},

		{"bcrypt cost 3", with(emptyBcrypt, "$04$", "$03$"), ErrBadHash, "cost is 3"},
		{"bcrypt cost 17", with(emptyBcrypt, "$04$", "$17$"), ErrBadHash, "cost is 17"},
		{"bcrypt cost 00", with(emptyBcrypt, "$04$", "$00$"), ErrBadHash, "cost"},
		{"bcrypt cost", with(emptyBcrypt, "$04$", "$+4$"), ErrBadHash, "cost"},
		{"bcrypt short", emptyBcrypt[:59], ErrBadHash, "53 characters"},
		{"bcrypt long", emptyBcrypt + "x", ErrBadHash, "53 characters"},
		{"bcrypt base64", emptyBcrypt[:59] + "=", ErrBadHash, "base64"},
		{"bcrypt salt", with(emptyBcrypt, "ABCD", "AB+D"), ErrBadHash, "salt"},
	} {
		h, err := ParseHash(tc.hash)
		if !errors.Is(err, tc.want) || h != nil {
			t.Errorf("%s: ParseHash(%q) = %v, %v; want %v", tc.name, tc.hash, h, err, tc.want)
			continue
		}
		if !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: error %q does not say %q", tc.name, err, tc.text)
		}
		for _, secret := range []string{"hunter", "MDEyMzQ1", "D1Wmwbo", "c2FsdHNhbHQ", "BoAhfHDHW"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: error %q quotes the hash", tc.name, err)
			}
		}
	}
}

func TestParseHashTakesTheLimits(t *testing.T) {
	for _, s := range []string{
		with(emptyPBKDF2, "$101$", "$1$"),
		with(emptyPBKDF2, "$101$", "$2000000$"),
		with(emptyArgon2, "m=64,t=1", "m=262144,t=16"),
		with(emptyArgon2, "m=64,t=1,p=1", "m=128,t=256,p=16"),
		with(emptyBcrypt, "$04$", "$16$"),
	} {
		mustParse(t, s)
	}
}

func TestHashIsNeverPrinted(t *testing.T) {
	type holder struct{ secret Hash }
	for _, s := range everyHash {
		h := mustParse(t, s)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%T"} {
			got := fmt.Sprintf(verb, h)
			if verb != "%T" && got != redactedText {
				t.Errorf("%s: Sprintf(%q) = %q, want %q", h.Algorithm(), verb, got, redactedText)
			}
		}
		var out bytes.Buffer
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "hash", h, "user", User{Hash: h})
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "hash", h, "user", User{Hash: h})
		text, err := json.Marshal(User{Hash: h})
		fmt.Fprintf(&out, "%s %v %v %+v %#v", text, err, holder{h}, &holder{h}, []User{{Hash: h}})
		for _, raw := range []string{"MDEy", "D1Wm", "kzDX", "c2Fs", "yDCb", "BoAh", "0123456789ab", "saltsalt", "48 49 50", "[15 85", "W6ph5", "6wqTC", "sha256,", "[91 170"} {
			if strings.Contains(out.String(), raw) {
				t.Errorf("%s: %q is in the output %q", h.Algorithm(), raw, &out)
			}
		}
	}
}

func TestDecoyCostsTheSameAndKnowsNoPassword(t *testing.T) {
	for _, s := range everyHash {
		h := mustParse(t, s)
		d := h.decoy()
		if got, want := d.work(), h.work(); got != want {
			t.Errorf("%s: decoy's work = %+v, want %+v", h.Algorithm(), got, want)
		}
		if ok, err := d.verify(nil); ok || err != nil {
			t.Errorf("%s: decoy.verify(empty) = %v, %v; want false, nil", h.Algorithm(), ok, err)
		}
	}
}

func TestSlowHashes(t *testing.T) {
	for _, tc := range []struct {
		hash string
		want bool
	}{
		{emptySHA512, false},
		{emptyPBKDF2, false}, // mosquitto 2.0's default
		{snailPBKDF2, true},  // mosquitto 2.1's
		{emptyBcrypt, true},
		{with(emptyArgon2, "m=64", "m=47104"), true},
	} {
		if w := mustParse(t, tc.hash).work(); w.slow() != tc.want {
			t.Errorf("%s: slow = %v (%v), want %v", tc.hash[:10], w.slow(), w.takes, tc.want)
		}
	}
}

func TestNoHashWithinTheLimitsTakesLongerThanAuthTimeout(t *testing.T) {
	const authTimeout = 5 * time.Second
	for _, s := range []string{
		with(emptyPBKDF2, "$101$", "$2000000$"),
		with(emptyArgon2, "m=64,t=1", "m=262144,t=16"),
		with(emptyBcrypt, "$04$", "$16$"),
	} {
		if w := mustParse(t, s).work(); w.takes > authTimeout || w.takes < time.Second {
			t.Errorf("%s takes %v, want 1 s to %v", w.algorithm, w.takes, authTimeout)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	for _, s := range append(everyHash, systemCrypt, "", "$", "clear") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHash(s)
		if err != nil {
			if h != nil || !errors.Is(err, ErrBadHash) && !errors.Is(err, ErrUnknownHash) {
				t.Fatalf("ParseHash(%q) = %v, %v", s, h, err)
			}
			return
		}
		w := h.work()
		if w.takes <= 0 || w.takes > 5*time.Second || w.memory > maxMemory {
			t.Fatalf("ParseHash(%q): work out of bounds: %+v", s, w)
		}
		if got := fmt.Sprint(h); got != redactedText {
			t.Fatalf("ParseHash(%q) prints %q", s, got)
		}
		stored := h.appendStored(nil)
		if again := readStored(stored); !bytes.Equal(again.appendStored(nil), stored) || !bytes.Equal(again.appendText(nil), h.appendText(nil)) {
			t.Fatalf("ParseHash(%q) comes back from its store as another one", s)
		}
		if again, err := ParseHash(string(h.appendText(nil))); err != nil || !bytes.Equal(again.appendStored(nil), stored) {
			t.Fatalf("ParseHash(%q): its text is read as another one: %v", s, err)
		}
		if w.takes < time.Millisecond { // nothing that is accepted panics when it is used
			if _, err := h.verify([]byte("x")); err != nil {
				t.Fatalf("ParseHash(%q): verify: %v", s, err)
			}
		}
	})
}
