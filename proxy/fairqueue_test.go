package proxy

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// network is the i-th of some addresses.
func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}

func TestFairQueueServesAddressesInTurn(t *testing.T) {
	var q fairQueue
	names := map[*waiter]string{}
	for _, name := range []string{"a1", "a2", "a3", "b1", "a4", "c1", "b2"} {
		w := &waiter{}
		names[w] = name
		q.push(network(int(name[0])), w)
	}
	var got []string
	for q.len() > 0 {
		if len(got) == 2 { // an address that comes while others wait is served after them
			w := &waiter{}
			names[w] = "d1"
			q.push(network('d'), w)
		}
		got = append(got, names[q.pop()])
	}
	if want := []string{"a1", "b1", "c1", "a2", "b2", "d1", "a3", "a4"}; !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

// modelled is a queue beside a plain list of who waits in it.
type modelled struct {
	fairQueue
	all     []*waiter // in the order in which they came
	address map[*waiter]int
}

// check compares what the queue says with what the list says.
func (m *modelled) check(t *testing.T, addresses int) {
	t.Helper()
	counts, most := make([]int, addresses), 0
	for _, w := range m.all {
		counts[m.address[w]]++
		most = max(most, counts[m.address[w]])
	}
	for i, want := range counts {
		if got := m.of(network(i)); got != want {
			t.Fatalf("of address %d wait %d, want %d", i, got, want)
		}
	}
	if m.len() != len(m.all) || m.most != most {
		t.Fatalf("%d wait, %d of the busiest; want %d and %d", m.len(), m.most, len(m.all), most)
	}
	if len(m.all) == 0 {
		if m.oldest() != nil || len(m.addresses) > 0 || m.turns.Len() > 0 {
			t.Fatal("something is left of an empty queue")
		}
		return
	}
	if m.oldest() != m.all[0] {
		t.Fatal("another one is the oldest")
	}
	newest := m.newestOfBusiest()
	for i := len(m.all) - 1; m.address[m.all[i]] != m.address[newest] || m.all[i] != newest; i-- {
		if m.address[m.all[i]] == m.address[newest] {
			t.Fatal("a newer one of the busiest address waits")
		}
	}
	if counts[m.address[newest]] != most {
		t.Fatalf("the newest of the busiest is of an address with %d, want %d", counts[m.address[newest]], most)
	}
}

func TestFairQueueKeepsCount(t *testing.T) {
	const addresses = 7
	rnd := rand.New(rand.NewPCG(1, 2))
	m := &modelled{address: map[*waiter]int{}}
	for step := range 20_000 {
		switch n := rnd.IntN(10); {
		case n < 5 && step%2000 < 1500: // and then it empties
			w, i := &waiter{since: time.Unix(int64(step), 0)}, min(rnd.IntN(addresses), rnd.IntN(addresses))
			m.push(network(i), w)
			m.all, m.address[w] = append(m.all, w), i
		case len(m.all) == 0:
		case n < 8:
			w := m.pop()
			i := slices.IndexFunc(m.all, func(o *waiter) bool { return m.address[o] == m.address[w] })
			if m.all[i] != w {
				t.Fatal("pop has passed over an older one of the same address")
			}
			m.all = slices.Delete(m.all, i, i+1)
		default:
			i := rnd.IntN(len(m.all))
			w := m.all[i]
			if !m.remove(w) || m.remove(w) {
				t.Fatal("remove: got the wrong answer, want true and then false")
			}
			m.all = slices.Delete(m.all, i, i+1)
		}
		m.check(t, addresses)
	}
}
