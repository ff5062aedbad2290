package auth

import "hash/maphash"

// Mark stands for what a client was let in by: a user with its stored hash, or a key. Equal proofs
// have equal marks, for as long as one [Marker] makes them, and different ones differ but for a
// chance of one in 2^62. Nothing can be told from a mark but its origin. Zero stands for nothing:
// what has no mark is never taken back.
type Mark uint64

// Origin is what sort of thing a mark stands for: its lowest bits.
type Origin uint8

// The origins.
const (
	OfNothing    Origin = iota
	OfUser              // a user's name and stored hash
	OfKey               // a key of the configuration
	OfFetchedKey        // a key of a fetched set
)

const originBits = 3

// Origin returns what the mark stands for.
func (m Mark) Origin() Origin { return Origin(m & originBits) }

// From returns the mark of the same thing with another origin: a key is the same wherever it
// stands. That of nothing stays so.
func (m Mark) From(o Origin) Mark {
	if m == 0 {
		return 0
	}
	return m&^originBits | Mark(o)
}

// Marker makes marks. Those of one can't be compared with those of another, or told in advance: it
// hashes with a random key that never leaves the process. It is safe for concurrent use. A nil
// Marker makes no marks: all are zero.
type Marker struct{ seed maphash.Seed }

// NewMarker returns a marker with a key of its own.
func NewMarker() *Marker { return &Marker{maphash.MakeSeed()} }

// User returns the mark of a user that is found in a way, such as by its client id, and of its
// stored hash. It allocates nothing, and keeps nothing.
func (m *Marker) User(way byte, name, stored []byte) Mark { return m.mark(OfUser, way, name, stored) }

// Key returns the mark of a key of the configuration, by its kind and material.
func (m *Marker) Key(kind byte, material []byte) Mark { return m.mark(OfKey, kind, nil, material) }

func (m *Marker) mark(o Origin, sort byte, name, rest []byte) Mark {
	if m == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(m.seed)
	_ = h.WriteByte(byte(o))
	_ = h.WriteByte(sort)
	// With its length, so that no two pairs look the same. A name of a user has 65,535 bytes at most.
	_ = h.WriteByte(byte(len(name) >> 8))
	_ = h.WriteByte(byte(len(name)))
	_, _ = h.Write(name)
	_, _ = h.Write(rest)
	return Mark(h.Sum64())&^originBits | Mark(o)
}

// Standing is what became of the thing that a mark stands for.
type Standing uint8

// The standings.
const (
	// Stands says that it is there, or that nobody can tell yet.
	Stands Standing = iota
	// Gone says that it was taken out of the configuration: whom it let in is to go now.
	Gone
	// Withdrawn says that others took it back, and may have erred: whom it let in is to go in good
	// time.
	Withdrawn
)
