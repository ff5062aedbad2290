package builtin

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// derivedHash is PBKDF2 as EMQX has it: with any hash function, and of any length. What
// mosquitto's $7$ can hold is a pbkdf2Hash instead.
type derivedHash struct {
	redacted
	digest     digest
	iterations uint32
	salt       string
	sum        string
}

// A shorter key could be guessed, and a longer one proves no more.
const minDerived, maxDerived = 16, 256

// parseDerived reads "DIGEST,ITERATIONS" and a hash.
func parseDerived(how, salt, sum64 string) (Hash, error) {
	word, count, _ := strings.Cut(how, ",")
	d, ok := digestOf(word)
	if !ok {
		return nil, bad(emqxKind, "it wants a hash function such as sha256, as in $emqx$pbkdf2,sha256,4096$")
	}
	iterations, err := decimal(emqxKind, "number of iterations", count, 1, maxIterations)
	if err != nil {
		return nil, err
	}
	sum, err := decode(padded, emqxKind, "hash", sum64, minDerived, maxDerived)
	if err != nil {
		return nil, err
	}
	return newDerived(d, iterations, salt, string(sum))
}

// newDerived returns the hash, as mosquitto's kind where it is one, within the bound on its time.
func newDerived(d digest, iterations uint32, salt, sum string) (Hash, error) {
	if d == digestSHA512 && len(sum) == sha512.Size && len(salt) >= minSalt && len(salt) <= maxSalt {
		return &pbkdf2Hash{iterations: iterations, salt: salt, sum: [sha512.Size]byte([]byte(sum))}, nil
	}
	h := &derivedHash{digest: d, iterations: iterations, salt: salt, sum: sum}
	if n := h.rounds(); n > maxIterations {
		return nil, bad("pbkdf2", "its %d iterations for %d bytes are %d, more than %d", iterations, len(sum), n, maxIterations)
	}
	return h, nil
}

// rounds is how often the hash function's pair of calls is made: PBKDF2 computes the key piece
// by piece, each with all iterations.
func (h *derivedHash) rounds() uint64 {
	pieces := (len(h.sum) + h.digest.size() - 1) / h.digest.size()
	return uint64(pieces) * uint64(h.iterations)
}

func (h *derivedHash) Algorithm() string { return h.digest.String() + "-pbkdf2" }

func (h *derivedHash) Weakness() string { return "" }

func (h *derivedHash) work() work {
	return work{
		algorithm: h.Algorithm(),
		time:      uint32(h.rounds()),
		takes:     time.Duration(h.rounds()) * h.digest.round(),
	}
}

func (h *derivedHash) verify(password []byte) (bool, error) {
	sum, err := pbkdf2.Key(h.digest.New, string(password), []byte(h.salt), int(h.iterations), len(h.sum))
	if err != nil {
		return false, fmt.Errorf("compute PBKDF2: %w", err)
	}
	same := subtle.ConstantTimeCompare(sum, []byte(h.sum)) == 1
	if bytes.IndexByte(password, 0) >= 0 { // see the package comment
		return false, hasNUL
	}
	return same, nil
}

func (h *derivedHash) appendStored(b []byte) []byte {
	b = append(b, storedDerived, byte(h.digest))
	b = binary.BigEndian.AppendUint32(b, h.iterations)
	return appendStoredPart(appendStoredPart(b, h.salt), h.sum)
}

func (h *derivedHash) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "%spbkdf2,%s,%d$", emqxKind, h.digest, h.iterations)
	b = append(padded.AppendEncode(b, []byte(h.salt)), '$')
	return padded.AppendEncode(b, []byte(h.sum))
}

func (h *derivedHash) decoy() Hash {
	d := *h
	d.salt, d.sum = randomString(len(h.salt)), randomString(len(h.sum))
	return &d
}
