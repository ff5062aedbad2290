package builtin

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// bcryptHash is htpasswd's and most web frameworks' kind. It is kept decoded, in two thirds
// of the bytes, and with the bits that its base64 leaves unused set to zero.
type bcryptHash struct {
	redacted
	cost uint8
	salt [16]byte
	sum  [23]byte
}

const (
	bcryptKind     = "bcrypt"
	bcryptPrefix   = "$2b$"
	bcryptPassword = 72 // bytes that bcrypt can hold
	minBcryptCost  = 4
	// maxBcryptCost is 64 times the usual work, and about four seconds.
	maxBcryptCost = 16
	// perRound is the time of a round on a common server's core; there are 2^cost of them.
	perRound = 60 * time.Microsecond
	// The characters of salt and hash, which follow each other.
	bcryptSaltText, bcryptSumText = 22, 31
)

const tooLong unfit = "the password has more than the 72 bytes that bcrypt can hold"

// bcryptBase64 is bcrypt's own. It isn't strict: some makers put any character at the
// salt's end, where only two bits count.
var bcryptBase64 = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").
	WithPadding(base64.NoPadding)

// parseBcrypt reads what follows "$2b$" and its like, which all mean the same today.
func parseBcrypt(rest string) (Hash, error) {
	if len(rest) != len("10$")+bcryptSaltText+bcryptSumText || rest[2] != '$' {
		return nil, bad(bcryptKind, "it wants $2b$COST$ with two digits, and then %d characters", bcryptSaltText+bcryptSumText)
	}
	digits := rest[:2]
	if digits[0] == '0' {
		digits = digits[1:]
	}
	cost, err := decimal(bcryptKind, "cost", digits, minBcryptCost, maxBcryptCost)
	if err != nil {
		return nil, err
	}
	h := &bcryptHash{cost: uint8(cost)}
	text := []byte(rest[3:])
	if _, err := bcryptBase64.Decode(h.salt[:], text[:bcryptSaltText]); err != nil {
		return nil, bad(bcryptKind, "the salt is not in bcrypt's base64")
	}
	if _, err := bcryptBase64.Decode(h.sum[:], text[bcryptSaltText:]); err != nil {
		return nil, bad(bcryptKind, "the hash is not in bcrypt's base64")
	}
	return h, nil
}

func (h *bcryptHash) Algorithm() string { return "bcrypt" }

func (h *bcryptHash) Weakness() string { return "" }

func (h *bcryptHash) work() work {
	return work{algorithm: h.Algorithm(), time: uint32(h.cost), takes: perRound << h.cost}
}

func (h *bcryptHash) verify(password []byte) (bool, error) {
	// The library would cut a long password. What can't be right costs the same time.
	var wrong error
	switch {
	case len(password) > bcryptPassword:
		wrong = tooLong
	case bytes.IndexByte(password, 0) >= 0:
		wrong = hasNUL
	}
	if wrong != nil {
		password = nil
	}
	err := bcrypt.CompareHashAndPassword(h.appendText(nil), password)
	switch {
	case wrong != nil:
		return false, wrong
	case err == nil:
		return true, nil
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return false, nil
	}
	return false, fmt.Errorf("compute bcrypt: %w", err)
}

func (h *bcryptHash) appendText(b []byte) []byte {
	b = append(slices.Grow(b, 60), bcryptPrefix...)
	b = append(b, '0'+h.cost/10, '0'+h.cost%10, '$')
	b = bcryptBase64.AppendEncode(b, h.salt[:])
	return bcryptBase64.AppendEncode(b, h.sum[:])
}

func (h *bcryptHash) appendStored(b []byte) []byte {
	b = append(b, storedBcrypt, h.cost)
	return append(append(b, h.salt[:]...), h.sum[:]...)
}

func (h *bcryptHash) decoy() Hash {
	d := &bcryptHash{cost: h.cost}
	rand.Read(d.salt[:])
	rand.Read(d.sum[:])
	return d
}
