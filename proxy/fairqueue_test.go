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

func TestFairQueueKnowsTheOldest(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var q fairQueue
	var all []*waiter // in the order in which they came
	for step := range 5000 {
		switch n := rnd.IntN(10); {
		case n < 5 && step%500 < 400: // and then it empties
			w := &waiter{since: time.Unix(int64(step), 0)}
			q.push(network(min(rnd.IntN(7), rnd.IntN(7))), w)
			all = append(all, w)
		case len(all) == 0:
		case n < 8:
			w := q.pop()
			if q.remove(w) {
				t.Fatal("who has had its turn is still in")
			}
			all = slices.DeleteFunc(all, func(o *waiter) bool { return o == w })
		default:
			w := all[rnd.IntN(len(all))]
			if !q.remove(w) || q.remove(w) {
				t.Fatal("remove: got the wrong answer, want true and then false")
			}
			all = slices.DeleteFunc(all, func(o *waiter) bool { return o == w })
		}
		var want *waiter
		if len(all) > 0 {
			want = all[0]
		}
		if got := q.oldest(); got != want || q.len() != len(all) || q.ages.Len() != len(all) {
			t.Fatalf("step %d: %d wait, and the oldest is %v; want %d and %v", step, q.len(), got, len(all), want)
		}
	}
}
