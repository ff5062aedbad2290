package builtin

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// pbkdf2Hash is mosquitto's default kind since 2.0: PBKDF2-HMAC-SHA512.
type pbkdf2Hash struct {
	redacted
	iterations uint32
	salt       string
	sum        [sha512.Size]byte
}

const (
	pbkdf2Kind = "$7$"
	// maxIterations is nearly ten times what is recommended today, and more than a second.
	maxIterations = 2_000_000
	// perIteration is one iteration's time on a common server's core.
	perIteration = 600 * time.Nanosecond
)

// parsePBKDF2 reads what follows "$7$".
func parsePBKDF2(rest string) (Hash, error) {
	count, rest, _ := strings.Cut(rest, "$")
	salt64, sum64, ok := strings.Cut(rest, "$")
	if !ok {
		return nil, bad(pbkdf2Kind, "it wants $7$iterations$salt$hash")
	}
	iterations, err := decimal(pbkdf2Kind, "number of iterations", count, 1, maxIterations)
	if err != nil {
		return nil, err
	}
	salt, err := decode(padded, pbkdf2Kind, "salt", salt64, minSalt, maxSalt)
	if err != nil {
		return nil, err
	}
	sum, err := decode(padded, pbkdf2Kind, "hash", sum64, sha512.Size, sha512.Size)
	if err != nil {
		return nil, err
	}
	return &pbkdf2Hash{iterations: iterations, salt: string(salt), sum: [sha512.Size]byte(sum)}, nil
}

func (h *pbkdf2Hash) Algorithm() string { return "sha512-pbkdf2" }

func (h *pbkdf2Hash) Weakness() string { return "" }

func (h *pbkdf2Hash) work() work {
	return work{
		algorithm: h.Algorithm(),
		time:      h.iterations,
		takes:     time.Duration(h.iterations) * perIteration,
	}
}

func (h *pbkdf2Hash) verify(password []byte) (bool, error) {
	sum, err := pbkdf2.Key(sha512.New, string(password), []byte(h.salt), int(h.iterations), len(h.sum))
	if err != nil {
		return false, fmt.Errorf("compute PBKDF2: %w", err)
	}
	same := subtle.ConstantTimeCompare(sum, h.sum[:]) == 1
	if bytes.IndexByte(password, 0) >= 0 { // see the package comment
		return false, hasNUL
	}
	return same, nil
}

func (h *pbkdf2Hash) appendStored(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, storedPBKDF2), h.iterations)
	return append(appendStoredPart(b, h.salt), h.sum[:]...)
}

func (h *pbkdf2Hash) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "%s%d$", pbkdf2Kind, h.iterations)
	b = append(padded.AppendEncode(b, []byte(h.salt)), '$')
	return padded.AppendEncode(b, h.sum[:])
}

func (h *pbkdf2Hash) decoy() Hash {
	d := &pbkdf2Hash{iterations: h.iterations, salt: randomString(len(h.salt))}
	rand.Read(d.sum[:])
	return d
}
