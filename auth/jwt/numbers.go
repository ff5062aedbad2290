package jwt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"hash"
	"math"
	"sync"

	"mqttward/auth"
)

// maxNumbers is how many identities are known at once. Beyond it all are forgotten, and tokens
// verified again: it takes dozens of rotations of a key set of full length to get there.
const maxNumbers = 4096

// numbers gives keys, and generations of the keys in force, their numbers. One number means
// one identity: a key that is read again from the same material has the same number, and no
// number is ever given twice. 0 is no number: what has it is not remembered. Of a key only a
// MAC is kept, under a random key of the process.
type numbers struct {
	mu     sync.Mutex
	secret [32]byte
	given  map[[sha256.Size]byte]uint32
	last   uint32
}

func newNumbers() *numbers {
	n := &numbers{given: make(map[[sha256.Size]byte]uint32)}
	rand.Read(n.secret[:]) // it does not fail: it ends the process instead
	return n
}

// key returns the number of a key: of its kind, the one algorithm that it may be bound to, and
// its material.
func (n *numbers) key(k *key) uint32 {
	id := n.identity('k')
	id.byte(byte(k.kind))
	bound := ""
	if k.alg != nil {
		bound = k.alg.name
	}
	id.bytes([]byte(bound))
	one, ok := k.canonical()
	if !ok {
		return 0
	}
	id.bytes(one)
	return id.number()
}

// canonical is the key's material in the one form that each key has.
func (k *key) canonical() ([]byte, bool) {
	if secret, ok := k.material.([]byte); ok && k.kind == kindSecret {
		return secret, true
	}
	der, err := x509.MarshalPKIXPublicKey(k.material)
	return der, err == nil
}

// generation returns the number of the keys in force: own in their order, and then those of
// set in theirs, with their kids. A nil set is another generation than an empty one.
func (n *numbers) generation(own []*key, set *keySet) uint32 {
	id := n.identity('g')
	for _, k := range own {
		if k.number == 0 {
			return 0
		}
		id.uint32(k.number)
	}
	if set == nil {
		return id.number()
	}
	id.uint32(0)
	for _, w := range set.keys {
		if w.key.number == 0 {
			return 0
		}
		id.uint32(w.key.number)
		hasKID := byte(0)
		if w.hasKID {
			hasKID = 1
		}
		id.byte(hasKID)
		id.bytes([]byte(w.kid))
	}
	return id.number()
}

// ring is the keys of a configuration, beside which a key set stands.
type ring struct {
	numbers *numbers
	marker  *auth.Marker
	keys    []*key
}

// newRing numbers and marks keys, which nobody else has yet.
func newRing(n *numbers, m *auth.Marker, keys []*key) ring {
	r := ring{n, m, keys}
	for _, k := range keys {
		r.know(k, auth.OfKey)
	}
	return r
}

// know gives k its number and its mark.
func (r ring) know(k *key, from auth.Origin) {
	k.number = r.numbers.key(k)
	if one, ok := k.canonical(); ok {
		k.mark = r.marker.Key(byte(k.kind), one).From(from)
	}
}

// admit numbers and marks a set, which nobody else has yet.
func (r ring) admit(set *keySet) {
	for _, w := range set.keys {
		r.know(w.key, auth.OfFetchedKey)
	}
	set.generation = r.numbers.generation(r.keys, set)
}

// adopt returns a set that was admitted beside other keys, as it stands beside these.
func (r ring) adopt(set *keySet) *keySet {
	own := *set
	own.generation = r.numbers.generation(r.keys, set)
	return &own
}

// identity collects what makes an identity. It is for one goroutine, and ends with number.
type identity struct {
	n   *numbers
	mac hash.Hash
}

// identity begins an identity of a sort, which differs from all of other sorts.
func (n *numbers) identity(sort byte) identity {
	id := identity{n, hmac.New(sha256.New, n.secret[:])}
	id.byte(sort)
	return id
}

func (id identity) byte(b byte) { id.mac.Write([]byte{b}) }

func (id identity) uint32(v uint32) { id.mac.Write(binary.LittleEndian.AppendUint32(nil, v)) }

// bytes adds b with its length, so that no two lists look the same.
func (id identity) bytes(b []byte) {
	id.mac.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(b))))
	id.mac.Write(b)
}

// number returns the identity's number, a new one where it has none.
func (id identity) number() uint32 {
	sum := [sha256.Size]byte(id.mac.Sum(nil))
	n := id.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if number, ok := n.given[sum]; ok {
		return number
	}
	if n.last == math.MaxUint32 {
		return 0 // all have been given
	}
	if len(n.given) >= maxNumbers {
		clear(n.given)
	}
	n.last++
	n.given[sum] = n.last
	return n.last
}
