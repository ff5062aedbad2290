package builtin

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// argon2idHash is the kind of mosquitto 2.1 and of most of today's makers.
type argon2idHash struct {
	redacted
	passes uint32
	memory uint32 // KiB
	lanes  uint8
	salt   string
	sum    string
}

const (
	argon2idKind = "$argon2id$"
	// maxMemory is four times the larger of the usual recommendations; each worker may
	// hold as much.
	maxMemory = 256 << 10 // KiB
	maxLanes  = 16
	// maxPasses and maxFill bound the time: maxFill is the memory times the passes, and
	// about four seconds.
	maxPasses = 256
	maxFill   = 4 << 20 // KiB
	// A shorter hash could be guessed, and a longer one proves no more.
	minArgon2Sum, maxArgon2Sum = 16, 64
	// perKiB is the time to fill one KiB of memory once, on a common server's core.
	perKiB = time.Microsecond
)

// parseArgon2id reads what follows "$argon2id$", in the PHC string format.
func parseArgon2id(rest string) (Hash, error) {
	part := strings.Split(rest, "$")
	if len(part) == 3 && strings.HasPrefix(part[0], "m=") || len(part) > 0 && part[0] == "v=16" {
		return nil, bad(argon2idKind, "version 16 of argon2 is not supported; make the hash anew with version 19 (v=19)")
	}
	if len(part) != 4 || part[0] != "v=19" {
		return nil, bad(argon2idKind, "it wants $argon2id$v=19$m=MEMORY,t=PASSES,p=LANES$salt$hash")
	}
	h := &argon2idHash{}
	if err := h.parseCost(part[1]); err != nil {
		return nil, err
	}
	salt, err := decode(unpadded, argon2idKind, "salt", part[2], minSalt, maxSalt)
	if err != nil {
		return nil, err
	}
	sum, err := decode(unpadded, argon2idKind, "hash", part[3], minArgon2Sum, maxArgon2Sum)
	if err != nil {
		return nil, err
	}
	h.salt, h.sum = string(salt), string(sum)
	return h, nil
}

// parseCost reads "m=65536,t=3,p=4"; the order is fixed.
func (h *argon2idHash) parseCost(s string) error {
	field := strings.Split(s, ",")
	if len(field) != 3 {
		return bad(argon2idKind, "the cost wants three numbers, m=MEMORY,t=PASSES,p=LANES")
	}
	var number [3]uint32
	for i, f := range [...]struct {
		prefix, name string
		most         uint32
	}{
		{"m=", "memory m in KiB", maxMemory},
		{"t=", "number of passes t", maxPasses},
		{"p=", "number of lanes p", maxLanes},
	} {
		text, ok := strings.CutPrefix(field[i], f.prefix)
		if !ok {
			return bad(argon2idKind, "the cost wants three numbers, m=MEMORY,t=PASSES,p=LANES")
		}
		var err error
		if number[i], err = decimal(argon2idKind, f.name, text, 1, f.most); err != nil {
			return err
		}
	}
	h.memory, h.passes, h.lanes = number[0], number[1], uint8(number[2])
	if least := 8 * uint32(h.lanes); h.memory < least { // RFC 9106, 3.1
		return bad(argon2idKind, "the memory m is %d KiB: %d lanes want %d", h.memory, h.lanes, least)
	}
	if h.memory*h.passes > maxFill {
		return bad(argon2idKind, "the memory m times the passes t is %d KiB, more than %d", h.memory*h.passes, maxFill)
	}
	return nil
}

func (h *argon2idHash) Algorithm() string { return "argon2id" }

func (h *argon2idHash) Weakness() string { return "" }

func (h *argon2idHash) work() work {
	return work{
		algorithm: h.Algorithm(),
		time:      h.passes,
		memory:    h.memory,
		lanes:     h.lanes,
		// The workers leave few idle processors for the other lanes: they are not counted
		// as a gain.
		takes: time.Duration(h.memory) * time.Duration(h.passes) * perKiB,
	}
}

func (h *argon2idHash) verify(password []byte) (bool, error) {
	sum := argon2.IDKey(password, []byte(h.salt), h.passes, h.memory, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, []byte(h.sum)) == 1, nil
}

func (h *argon2idHash) appendStored(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, storedArgon2id), h.memory)
	b = binary.BigEndian.AppendUint32(b, h.passes)
	b = append(b, h.lanes)
	return appendStoredPart(appendStoredPart(b, h.salt), h.sum)
}

func (h *argon2idHash) appendText(b []byte) []byte {
	b = fmt.Appendf(b, "%sv=19$m=%d,t=%d,p=%d$", argon2idKind, h.memory, h.passes, h.lanes)
	b = append(unpadded.AppendEncode(b, []byte(h.salt)), '$')
	return unpadded.AppendEncode(b, []byte(h.sum))
}

func (h *argon2idHash) decoy() Hash {
	d := *h
	d.salt, d.sum = randomString(len(h.salt)), randomString(len(h.sum))
	return &d
}
