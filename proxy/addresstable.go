package proxy

import (
	"hash/maphash"
	"net/netip"
)

// addressTable holds a value for each of a bounded number of addresses. Its memory is taken when
// it is made and never grows; every operation looks at one set of slots, whose place is chosen by
// a keyed hash: nobody outside can tell which addresses share one. It is not safe for concurrent
// use.
type addressTable[V any] struct {
	seed maphash.Seed
	sets [][setSize]slot[V]
}

// setSize is how many addresses compete for a set's slots. With eight, hardly one set is full
// before half of all slots are taken.
const setSize = 8

// slot is free where its tag is 0.
type slot[V any] struct {
	tag   uint64 // the address, as a keyed hash of all of it
	value V
}

// newAddressTable returns a table with as many slots, at least, as are asked for.
func newAddressTable[V any](slots int) *addressTable[V] {
	sets := 1
	for sets*setSize < slots {
		sets *= 2
	}
	return &addressTable[V]{seed: maphash.MakeSeed(), sets: make([][setSize]slot[V], sets)}
}

// find returns the value of an address and its tag, or nil where there is none. The pointer is
// good until the next place or delete.
func (t *addressTable[V]) find(p netip.Prefix) (*V, uint64) {
	bytes := p.Addr().As16()
	tag := max(1, maphash.Bytes(t.seed, bytes[:]))
	set := t.setOf(tag)
	for i := range set {
		if set[i].tag == tag {
			return &set[i].value, tag
		}
	}
	return nil, tag
}

func (t *addressTable[V]) setOf(tag uint64) *[setSize]slot[V] {
	return &t.sets[tag%uint64(len(t.sets))]
}

// place makes room for an address that find did not find, and returns its value, which is zero.
// Where its set is full, the value that is worth least goes; what is worth nothing is as good as
// free. Only its own set's values can have to go.
func (t *addressTable[V]) place(tag uint64, worth func(*V) float64) *V {
	set := t.setOf(tag)
	least, leastWorth := &set[0], 0.0
	for i := range set {
		s := &set[i]
		if s.tag == 0 {
			least = s
			break
		}
		if w := worth(&s.value); i == 0 || w < leastWorth {
			least, leastWorth = s, w
		}
	}
	*least = slot[V]{tag: tag}
	return &least.value
}

// delete frees the slot of an address, where it has one.
func (t *addressTable[V]) delete(tag uint64) {
	set := t.setOf(tag)
	for i := range set {
		if set[i].tag == tag {
			set[i] = slot[V]{}
		}
	}
}

// visit shows each of a range of sets' values to keep, and frees the slots of those of which that
// returns false.
func (t *addressTable[V]) visit(from, to int, keep func(*V) bool) {
	for i := from; i < min(to, len(t.sets)); i++ {
		for j := range t.sets[i] {
			if s := &t.sets[i][j]; s.tag != 0 && !keep(&s.value) {
				*s = slot[V]{}
			}
		}
	}
}
