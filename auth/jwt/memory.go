package jwt

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"sync"
	"time"

	"mqttward/auth"
)

const (
	// defaultTokens is how many verified tokens are remembered where nobody says.
	defaultTokens = 100_000
	// goodPerBad is how many times fewer tokens with a bad signature are remembered.
	goodPerBad = 8
	// maxRemembered is the longest token in bytes that is remembered: it bounds what hashing
	// adds to the cost of junk.
	maxRemembered = 4096
)

// badSignatures are the faults that are remembered, by their index. Others cost no signature,
// or want more than a refusal.
var badSignatures = [...]fault{{auth.BadSignature, ""}, tooMany}

// memory is what is known of tokens seen before: which key verified them, or that none did. It
// is safe for concurrent use, and outlives the stage that it was made for.
type memory struct {
	numbers *numbers
	secret  [32]byte
	limit   int
	good    *table // nil: nothing is remembered
	bad     *table
}

// newMemory returns a memory of limit tokens, none where that is negative. It goes on from the
// one before, where there is one: keys keep their numbers, and tokens too where the limit is
// the same.
func newMemory(limit int, before *memory) *memory {
	if limit == 0 {
		limit = defaultTokens
	}
	if before != nil && before.limit == limit {
		return before
	}
	m := &memory{limit: limit}
	rand.Read(m.secret[:])
	if before != nil {
		m.numbers = before.numbers
	} else {
		m.numbers = newNumbers()
	}
	if limit > 0 {
		m.good = newTable(limit, func(old, _ *entry, now uint32) bool { return old.expires != 0 && old.expires <= now })
		m.bad = newTable((limit+goodPerBad-1)/goodPerBad, func(old, e *entry, _ uint32) bool { return old.generation != e.generation })
	}
	return m
}

// scratch is what one judgement works with.
type scratch struct {
	hash hash.Hash
	sum  [sha256.Size]byte
	room [1024]byte
	used int // of room
}

// blank is as much as a hash holds back at most.
var blank [sha256.BlockSize - 1]byte

var scratches = sync.Pool{New: func() any { return &scratch{hash: sha256.New()} }}

// free gives w back. It holds nothing of the token then.
func (w *scratch) free() {
	clear(w.room[:w.used])
	w.used = 0
	scratches.Put(w)
}

// all returns the whole room. What is put there is valid until w is freed.
func (w *scratch) all() []byte {
	w.used = len(w.room)
	return w.room[:]
}

// payload decodes the payload of a token that has been parsed before. It is valid until w is
// freed.
func (w *scratch) payload(raw []byte) ([]byte, bool) {
	begin, end := bytes.IndexByte(raw, '.')+1, bytes.LastIndexByte(raw, '.')
	payload, _, err := appendPart(w.room[:0], raw[begin:end])
	w.used = min(len(payload), len(w.room))
	return payload, err == nil
}

// holds reports whether a token is one to be looked for, and to be remembered.
func (m *memory) holds(raw []byte, generation uint32) bool {
	return m.good != nil && generation != 0 && len(raw) <= maxRemembered
}

// tag returns the tag of a token: half of the SHA-256 of the memory's secret and the token.
func (m *memory) tag(raw []byte, w *scratch) tag {
	w.hash.Reset()
	w.hash.Write(m.secret[:])
	w.hash.Write(raw)
	sum := w.hash.Sum(w.sum[:0])
	// The hash holds back what does not fill a block: the token's end, a signature maybe.
	w.hash.Reset()
	w.hash.Write(blank[:])
	return tag{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:])}
}

// refused returns why a token was refused under the keys of a generation, or no fault.
func (m *memory) refused(g tag, generation uint32) fault {
	if e, ok := m.bad.get(g); ok && e.generation == generation {
		return badSignatures[e.what]
	}
	return fault{}
}

// refuse remembers f, where it is one to be remembered.
func (m *memory) refuse(g tag, generation uint32, f fault, now time.Time) {
	for i := range badSignatures {
		if f == badSignatures[i] {
			m.bad.put(entry{tag: g, generation: generation, what: uint32(i)}, second(now))
		}
	}
}

// accept remembers that the key of a number verified a token, and that the keys of a generation
// have led to it.
func (m *memory) accept(g tag, generation, key uint32, expires, now time.Time) {
	m.good.put(entry{tag: g, generation: generation, what: key, expires: second(expires)}, second(now))
}

// second is t as entries have it. What is out of its range never expires, and is no time at
// which anything has expired.
func second(t time.Time) uint32 {
	if u := t.Unix(); u > 0 && u <= math.MaxUint32 {
		return uint32(u)
	}
	return 0
}
