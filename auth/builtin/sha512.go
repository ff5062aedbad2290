package builtin

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"strings"
	"time"
)

// sha512Hash is mosquitto's older kind: one SHA-512 of the password and then the salt.
type sha512Hash struct {
	redacted
	salt string
	sum  [sha512.Size]byte
}

const sha512Kind = "$6$"

// parseSHA512 reads what follows "$6$".
func parseSHA512(rest string) (Hash, error) {
	salt64, sum64, ok := strings.Cut(rest, "$")
	if !ok {
		return nil, bad(sha512Kind, "it wants $6$salt$hash")
	}
	// crypt(3) has the same prefix: an optional "rounds=N$", and 86 characters for the hash.
	if strings.HasPrefix(rest, "rounds=") || len(sum64) == 86 {
		return nil, bad(sha512Kind, "this is the system's SHA-512-crypt, as in /etc/shadow, and not mosquitto's $6$; make the hash with mosquitto_passwd")
	}
	salt, err := decode(padded, sha512Kind, "salt", salt64, minSalt, maxSalt)
	if err != nil {
		return nil, err
	}
	sum, err := decode(padded, sha512Kind, "hash", sum64, sha512.Size, sha512.Size)
	if err != nil {
		return nil, err
	}
	return &sha512Hash{salt: string(salt), sum: [sha512.Size]byte(sum)}, nil
}

func (h *sha512Hash) Algorithm() string { return "sha512" }

func (h *sha512Hash) Weakness() string { return "" }

func (h *sha512Hash) work() work {
	return work{algorithm: h.Algorithm(), takes: time.Microsecond}
}

func (h *sha512Hash) verify(password []byte) (bool, error) {
	sum := h.digest(password)
	return subtle.ConstantTimeCompare(sum[:], h.sum[:]) == 1, nil
}

// digest is the SHA-512 of password and salt. Passwords of common length stay on the stack.
func (h *sha512Hash) digest(password []byte) [sha512.Size]byte {
	var stack [256]byte
	if n := len(password) + len(h.salt); n <= len(stack) {
		text := stack[:n]
		copy(text[copy(text, password):], h.salt)
		sum := sha512.Sum512(text)
		clear(text)
		return sum
	}
	d := sha512.New()
	d.Write(password)
	d.Write([]byte(h.salt))
	var sum [sha512.Size]byte
	d.Sum(sum[:0])
	return sum
}

func (h *sha512Hash) appendStored(b []byte) []byte {
	return append(appendStoredPart(append(b, storedSHA512), h.salt), h.sum[:]...)
}

func (h *sha512Hash) appendText(b []byte) []byte {
	b = padded.AppendEncode(append(b, sha512Kind...), []byte(h.salt))
	return padded.AppendEncode(append(b, '$'), h.sum[:])
}

func (h *sha512Hash) decoy() Hash {
	d := &sha512Hash{salt: randomString(len(h.salt))}
	rand.Read(d.sum[:])
	return d
}

// randomString returns n random bytes. crypto/rand does not fail.
func randomString(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return string(b)
}
