package jwt

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// len returns the number of entries, after checking that each can be found.
func (t *table) len() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		taken := 0
		for j, e := range s.slots {
			if e.generation == 0 {
				continue
			}
			if at, ok := s.find(e.tag); ok && at == j {
				taken++
			}
		}
		if taken != s.count || s.count > t.limit {
			panic("a table that counts wrong, or holds what it can't find")
		}
		n += taken
		s.mu.Unlock()
	}
	return n
}

func randomTag(r *rand.Rand) tag { return tag{r.Uint64(), r.Uint64()} }

func goodTable(limit int) *table { return newMemory(limit, nil).good }

// The table holds what was put there last, for as long as it holds it.
func TestTableAgreesWithAMap(t *testing.T) {
	for _, limit := range []int{1, 2, 7, 63, 200, 5000} {
		r := rand.New(rand.NewPCG(1, uint64(limit)))
		table, model := goodTable(limit), map[tag]entry{}
		var tags []tag
		for range 3 * limit {
			tags = append(tags, randomTag(r))
			tags[len(tags)-1][0] >>= r.IntN(2) * 60 // many of one home
		}
		for i := range 20 * limit {
			g := tags[r.IntN(len(tags))]
			if r.IntN(3) == 0 {
				e := entry{tag: g, generation: 1 + r.Uint32N(3), what: uint32(i), expires: r.Uint32N(2) * r.Uint32N(uint32(40*limit))}
				table.put(e, uint32(i))
				model[g] = e
			}
			e, ok := table.get(g)
			e.used = false
			if ok && e != model[g] {
				t.Fatalf("limit %d, step %d: got %+v, want %+v", limit, i, e, model[g])
			}
		}
		if n := table.len(); n > limit+len(table.shards) || n < min(limit, len(model))/2 {
			t.Errorf("limit %d: got %d entries of %d", limit, n, len(model))
		}
	}
}

func TestTableHoldsAllBelowItsLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table := goodTable(defaultTokens)
	if table.shards[0].slots != nil {
		t.Error("an empty table has slots")
	}
	var tags []tag
	for range 9000 {
		tags = append(tags, randomTag(r))
		table.put(entry{tag: tags[len(tags)-1], generation: 1}, 0)
	}
	for i, g := range tags {
		if _, ok := table.get(g); !ok {
			t.Fatalf("entry %d of %d is lost", i, len(tags))
		}
	}
}

// Memory counts: it is most of what a device that is away costs.
func TestTableIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size != 32 {
		t.Errorf("got an entry of %d bytes, want 32", size)
	}
	if size := unsafe.Sizeof(shard{}); size != 64 {
		t.Errorf("got a shard of %d bytes, want 64", size)
	}
	r := rand.New(rand.NewPCG(1, 3))
	table := goodTable(1 << 20)
	for n := 1; n <= 300_000; n++ {
		table.put(entry{tag: randomTag(r), generation: 1}, 0)
		if n == 9000 || n%50_000 == 0 {
			slots := 0
			for i := range table.shards {
				slots += len(table.shards[i].slots)
			}
			if each := slots * int(unsafe.Sizeof(entry{})) / n; each > 62 {
				t.Errorf("%d entries: got %d bytes for each, want at most 62", n, each)
			}
		}
	}
}

func TestExpiredEntriesGoFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	table := goodTable(64)
	var live []tag
	for i := range 64 {
		e := entry{tag: randomTag(r), generation: 1}
		if i%2 == 0 {
			e.expires = 100
		} else {
			live = append(live, e.tag)
		}
		table.put(e, 50)
	}
	// Each is found near its home, where one that has expired is at hand nearly always.
	for range 16 {
		table.put(entry{tag: randomTag(r), generation: 1, expires: 100}, 100)
	}
	for _, g := range live {
		if _, ok := table.get(g); !ok {
			t.Errorf("an entry that lives went, and expired ones were there")
		}
	}
}

// Tokens that are renewed make the table no larger: the old ones go before it grows.
func TestTableOfRenewedTokensDoesNotGrow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	table := goodTable(100_000)
	const devices = 1000
	for hour := uint32(1); hour <= 50; hour++ {
		for range devices {
			table.put(entry{tag: randomTag(r), generation: 1, expires: hour + 1}, hour)
		}
	}
	if n := table.len(); n > 4*devices {
		t.Errorf("got %d entries for %d devices, want at most four for each", n, devices)
	}
}

// What is used stays, whatever is put in once and never found.
func TestEntriesInUseOutliveOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	table := goodTable(4096)
	var used []tag
	for range 2048 {
		used = append(used, randomTag(r))
		table.put(entry{tag: used[len(used)-1], generation: 1}, 0)
	}
	lost := 0
	for range 20 {
		for _, g := range used {
			if _, ok := table.get(g); !ok {
				lost++
				table.put(entry{tag: g, generation: 1}, 0)
			}
		}
		for range 1024 {
			table.put(entry{tag: randomTag(r), generation: 1}, 0)
		}
	}
	if most := 20 * len(used) / 20; lost > most {
		t.Errorf("got %d entries in use lost of %d looked for, want at most one in twenty", lost, 20*len(used))
	}
}
