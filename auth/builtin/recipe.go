package builtin

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/sha512"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// Recipe says how a new hash is made. Both kinds are mosquitto's too: $7$ since 2.0, argon2id
// since 2.1.
type Recipe struct {
	// Argon2id makes argon2id, with 46 MiB of memory, instead of PBKDF2.
	Argon2id bool
	// Iterations are those of PBKDF2, 1 to 2,000,000; 0 means [DefaultIterations].
	Iterations int
}

// DefaultIterations take some milliseconds of a core. That is plenty for the long random
// password of a device; for those that people choose, argon2id is better.
const DefaultIterations = 10_000

// What is made. The cost of argon2id is OWASP's first choice, and that of mosquitto 2.1.
const (
	madeSalt = 16
	// mosquitto 2.0 reads a $6$ or $7$ with a salt of just this length.
	mosquittoSalt = 12
	madeSum       = 32
	madeMemory    = 46 << 10 // KiB
)

// Errors of [Recipe.Hash] about the password.
var (
	ErrEmptyPassword = errors.New("the password is empty, which is never right")
	ErrNULPassword   = errors.New("the password has a NUL in it, which PBKDF2 can't tell from its end")
	ErrLongPassword  = fmt.Errorf("the password has more than %d bytes, the limit of MQTT", maxName)
)

// Hash makes a new hash of a password, with a random salt. It keeps nothing of the password.
func (r Recipe) Hash(password []byte) (Hash, error) {
	iterations := r.Iterations
	if iterations == 0 {
		iterations = DefaultIterations
	}
	switch {
	case len(password) == 0:
		return nil, ErrEmptyPassword
	case len(password) > maxName:
		return nil, ErrLongPassword
	case iterations < 1 || iterations > maxIterations:
		return nil, fmt.Errorf("%d iterations: not from 1 to %d", iterations, maxIterations)
	}
	if r.Argon2id {
		salt := randomString(madeSalt)
		h := &argon2idHash{passes: 1, memory: madeMemory, lanes: 1, salt: salt}
		h.sum = string(argon2.IDKey(password, []byte(salt), h.passes, h.memory, h.lanes, madeSum))
		return h, nil
	}
	if bytes.IndexByte(password, 0) >= 0 {
		return nil, ErrNULPassword
	}
	salt := randomString(mosquittoSalt)
	sum, err := pbkdf2.Key(sha512.New, string(password), []byte(salt), iterations, sha512.Size)
	if err != nil {
		return nil, fmt.Errorf("compute PBKDF2: %w", err)
	}
	return &pbkdf2Hash{iterations: uint32(iterations), salt: salt, sum: [sha512.Size]byte(sum)}, nil
}
