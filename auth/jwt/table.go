package jwt

import (
	"math/bits"
	"sync"
)

const (
	// maxShards is how many parts a table has at most, each with its own lock.
	maxShards = 64
	// leastPerShard is how many entries a part has room for at least, where the table has:
	// chance fills parts unevenly, and small ones the more.
	leastPerShard = 64
	// evictWindow is among how many entries a victim is chosen.
	evictWindow = 8
)

// tag is what a token is found by.
type tag [2]uint64

// entry is what is remembered of a token. It holds no pointer, so that the garbage collector
// passes over a table in one step.
type entry struct {
	tag tag
	// generation is never 0 in an entry that is there.
	generation uint32
	// what is the number of the key that verified the token; in the table of bad tokens, the
	// index of the fault.
	what uint32
	// expires is the Unix second from which the entry is of no use; 0 where there is none.
	expires uint32
	// used is set when the entry is found: it is then the last to go.
	used bool
}

// table maps tags to entries. It begins empty, grows with what is in it and ends at its limit.
// It is safe for concurrent use; the lock of a part is held for a look-up, and for a copy of
// that part when it grows.
type table struct {
	shards []shard
	limit  int // of each shard
	// dead reports whether an entry is of no use when e is put in at now.
	dead func(old, e *entry, now uint32) bool
}

// shard is an open-addressed hash table with linear probing. It is filled to four fifths.
type shard struct {
	mu    sync.Mutex
	slots []entry
	count int
	_     [24]byte // a cache line each
}

// newTable returns a table of about limit entries, at least 1.
func newTable(limit int, dead func(old, e *entry, now uint32) bool) *table {
	n := 1
	for n < maxShards && limit >= 2*n*leastPerShard {
		n *= 2
	}
	return &table{shards: make([]shard, n), limit: (limit + n - 1) / n, dead: dead}
}

// shard returns the part where a tag belongs. The number of parts is a power of two.
func (t *table) shard(g tag) *shard { return &t.shards[g[1]&uint64(len(t.shards)-1)] }

// get returns the entry of a tag.
func (t *table) get(g tag) (entry, bool) {
	s := t.shard(g)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(g)
	if !ok {
		return entry{}, false
	}
	e := &s.slots[i]
	if !e.used {
		e.used = true
	}
	return *e, true
}

// put adds an entry, or replaces that of its tag. Where there is no room, another one goes.
func (t *table) put(e entry, now uint32) {
	s := t.shard(e.tag)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(e.tag)
	if !ok {
		s.makeRoom(t, &e, now)
		i, _ = s.find(e.tag)
		s.count++
	}
	s.slots[i] = e
}

// find returns where a tag is, or where it would be put. A shard without slots has it nowhere.
func (s *shard) find(g tag) (int, bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	for i := s.home(g); ; i = s.next(i) {
		switch e := &s.slots[i]; {
		case e.generation == 0:
			return i, false
		case e.tag == g:
			return i, true
		}
	}
}

// home is where the search for a tag begins: tags are as good as random.
func (s *shard) home(g tag) int {
	hi, _ := bits.Mul64(g[0], uint64(len(s.slots)))
	return int(hi)
}

func (s *shard) next(i int) int {
	if i++; i == len(s.slots) {
		return 0
	}
	return i
}

// slotsFor is how many slots n entries want at least.
func slotsFor(n int) int { return n*5/4 + 1 }

// makeRoom sees to it that e can be put in.
func (s *shard) makeRoom(t *table, e *entry, now uint32) {
	if s.count >= t.limit {
		s.remove(s.victim(t, e, now))
	}
	if slotsFor(s.count+1) > len(s.slots) {
		s.resize(t, e, now)
	}
}

// resize copies what is of use to slots that leave room for half as much again.
func (s *shard) resize(t *table, e *entry, now uint32) {
	old := s.slots
	live := 0
	for i := range old {
		if o := &old[i]; o.generation != 0 && !t.dead(o, e, now) {
			live++
		}
	}
	s.slots = make([]entry, slotsFor(min(max(live+live/2+1, 4), t.limit)))
	s.count = live
	for i := range old {
		if o := &old[i]; o.generation != 0 && !t.dead(o, e, now) {
			at, _ := s.find(o.tag)
			s.slots[at] = *o
		}
	}
}

// victim chooses the entry that goes, among those near the home of e: the first dead one, else
// the first that was never found. Where all were found, all lose the mark, and the first goes.
func (s *shard) victim(t *table, e *entry, now uint32) int {
	var near [evictWindow]int
	n, unused := 0, -1
	for i := s.home(e.tag); n < min(evictWindow, s.count); i = s.next(i) {
		o := &s.slots[i]
		if o.generation == 0 {
			continue
		}
		if t.dead(o, e, now) {
			return i
		}
		if unused < 0 && !o.used {
			unused = i
		}
		near[n] = i
		n++
	}
	if unused >= 0 {
		return unused
	}
	for _, i := range near[:n] {
		s.slots[i].used = false
	}
	return near[0]
}

// remove takes an entry out, and moves up those behind it that were put there for its sake.
func (s *shard) remove(i int) {
	for j := s.next(i); s.slots[j].generation != 0; j = s.next(j) {
		// It may not move to before its home.
		home := s.home(s.slots[j].tag)
		if i < j && (home <= i || home > j) || i > j && home <= i && home > j {
			s.slots[i] = s.slots[j]
			i = j
		}
	}
	s.slots[i] = entry{}
	s.count--
}
