package fair

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// client is what waits in these tests.
type client struct {
	Place
	letter byte // its address
}

// addressOf returns the address that a letter stands for.
func addressOf(letter byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, letter}), 32)
}

// come has a client of an address wait.
func (q *queue) come(letter byte) *client {
	c := &client{letter: letter}
	q.Push(addressOf(letter), c)
	return c
}

type queue struct{ Queue[*client] }

// queueOf returns a queue into which clients came from these addresses, in this order.
func queueOf(letters string) *queue {
	q := &queue{}
	for i := range len(letters) {
		q.come(letters[i])
	}
	return q
}

// drained returns the addresses of q's clients, in the order in which they come out.
func (q *queue) drained() string {
	var out []byte
	for q.Len() > 0 {
		out = append(out, q.Pop().letter)
	}
	return string(out)
}

func TestAddressesTakeTurns(t *testing.T) {
	for came, want := range map[string]string{
		"":         "",
		"aaa":      "aaa",
		"aaaab":    "abaaa",
		"aaabbc":   "abcaba",
		"abcabc":   "abcabc",
		"aaaaabcd": "abcdaaaa",
	} {
		if got := queueOf(came).drained(); got != want {
			t.Errorf("clients of %q come out as %q, want %q", came, got, want)
		}
	}
}

// An address that has been served stands behind those that came while it was.
func TestServedAddressGoesBehindTheOthers(t *testing.T) {
	q := queueOf("aab")
	q.Pop()
	q.come('c')
	q.come('b')
	if got, want := q.drained(), "bacb"; got != want {
		t.Errorf("order = %q, want %q", got, want)
	}
}

func TestNewestOfTheBusiestAddressGivesWay(t *testing.T) {
	for _, tc := range []struct {
		waiting  string
		newcomer byte
		want     byte // 0: nobody
	}{
		{"aaab", 'c', 'a'},
		{"abbb", 'c', 'b'},
		{"abbb", 'a', 'b'},
		{"aabb", 'c', 'b'}, // it came to have as many last
		{"abba", 'c', 'a'},
		{"aaab", 'a', 0}, // it is the busiest itself
		{"aab", 'b', 0},  // it would only change places
		{"abc", 'd', 0},
		{"", 'a', 0},
	} {
		q := queueOf(tc.waiting)
		got := q.GivesWay(addressOf(tc.newcomer))
		switch {
		case tc.want == 0:
			if got != nil {
				t.Errorf("%q waiting, %c comes: one of %c gives way, want nobody", tc.waiting, tc.newcomer, got.letter)
			}
		case got == nil || got != q.lines[addressOf(tc.want)].waiters.Back().Value:
			t.Errorf("%q waiting, %c comes: want the newest of %c to give way", tc.waiting, tc.newcomer, tc.want)
		}
	}
}

// Whatever comes and goes: an address's clients keep their order, all are counted, and who gives way
// is the newest of an address of which most wait.
func TestQueueKeepsCount(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	q, in, waiting := &queue{}, map[byte][]*client{}, 0 // by letter, oldest first
	for step := range 20_000 {
		letter := 'a' + byte(min(random.IntN(20), random.IntN(20)))
		switch came := in[letter]; {
		case random.IntN(100) < 48 && step%2000 < 1500 || waiting == 0: // and then it empties
			in[letter] = append(came, q.come(letter))
			waiting++
		case random.IntN(2) == 0:
			c := q.Pop()
			if in[c.letter][0] != c || q.Remove(c) {
				t.Fatalf("step %d: %c's oldest was passed over, or is still in", step, c.letter)
			}
			in[c.letter] = in[c.letter][1:]
			waiting--
		case len(came) > 0:
			at := random.IntN(len(came))
			if !q.Remove(came[at]) || q.Remove(came[at]) {
				t.Fatalf("step %d: remove: got the wrong answer, want true and then false", step)
			}
			in[letter] = append(came[:at:at], came[at+1:]...)
			waiting--
		}
		check(t, q, in, waiting, 'a'+byte(random.IntN(25)))
	}
}

// check compares what q says with who is in it, a newcomer of the given address coming.
func check(t *testing.T, q *queue, in map[byte][]*client, waiting int, newcomer byte) {
	t.Helper()
	most := 0
	for _, came := range in {
		most = max(most, len(came))
	}
	if q.Len() != waiting || waiting == 0 && (len(q.lines) > 0 || q.turns.Len() > 0 || q.most != 0) {
		t.Fatalf("%d wait in %d lines with %d turns, want %d, and nothing left of none", q.Len(), len(q.lines), q.turns.Len(), waiting)
	}
	got := q.GivesWay(addressOf(newcomer))
	if none := len(in[newcomer])+1 >= most; none || got == nil {
		if none != (got == nil) {
			t.Fatalf("who gives way to an address of which %d wait, and %d at most, is %v", len(in[newcomer]), most, got)
		}
		return
	}
	if came := in[got.letter]; len(came) != most || came[most-1] != got {
		t.Fatalf("who gives way is of an address of which %d wait, want the newest of %d", len(came), most)
	}
}

// A full queue of as many addresses as it has places refuses as quickly as any other.
func BenchmarkWhoGivesWayAmongManyAddresses(b *testing.B) {
	q := &queue{}
	for i := range 4096 {
		q.Push(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32), &client{})
	}
	for b.Loop() {
		if q.GivesWay(addressOf('a')) != nil {
			b.Fatal("one gives way where all have as many")
		}
	}
}
