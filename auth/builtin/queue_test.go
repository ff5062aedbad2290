package builtin

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// addressOf returns the address that a letter stands for.
func addressOf(letter byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, letter}), 32)
}

// queueOf returns a queue into which jobs came from these addresses, in this order. Each takes a
// second.
func queueOf(letters string) *queue {
	q := &queue{}
	for i := range len(letters) {
		q.push(jobFrom(letters[i]))
	}
	return q
}

func jobFrom(letter byte) *job { return &job{address: addressOf(letter), takes: time.Second} }

// drained returns the addresses of q's jobs, in the order in which they come out.
func drained(q *queue) string {
	var out []byte
	for q.waiting > 0 {
		out = append(out, q.pop().address.Addr().As4()[3])
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
		if got := drained(queueOf(came)); got != want {
			t.Errorf("jobs of %q come out as %q, want %q", came, got, want)
		}
	}
}

func TestJobsOfAnAddressKeepTheirOrder(t *testing.T) {
	q := &queue{}
	jobs := []*job{jobFrom('a'), jobFrom('a'), jobFrom('a'), jobFrom('a')}
	for _, j := range jobs {
		q.push(j)
	}
	if !q.remove(jobs[1]) || q.remove(jobs[1]) {
		t.Error("remove reports that a job was not in, or was in twice")
	}
	for _, i := range []int{0, 2, 3} {
		if q.pop() != jobs[i] {
			t.Errorf("job %d did not come out in its turn", i)
		}
	}
	if q.remove(jobs[0]) || q.waiting != 0 || q.work != 0 || len(q.lines) != 0 || q.turns.Len() != 0 {
		t.Errorf("%d with %v of work wait in %d lines with %d turns, want none", q.waiting, q.work, len(q.lines), q.turns.Len())
	}
}

// An address that has been served stands behind those that came while it was.
func TestServedAddressGoesBehindTheOthers(t *testing.T) {
	q := queueOf("aab")
	q.pop()
	q.push(jobFrom('c'))
	q.push(jobFrom('b'))
	if got, want := drained(q), "bacb"; got != want {
		t.Errorf("order = %q, want %q", got, want)
	}
}

func TestNewestOfTheBusiestAddressCanBePutOff(t *testing.T) {
	for _, tc := range []struct {
		waiting  string
		newcomer byte
		want     byte // 0: nobody
	}{
		{"aaab", 'c', 'a'},
		{"abbb", 'c', 'b'},
		{"abbb", 'a', 'b'},
		{"aabb", 'c', 'a'},
		{"aaab", 'a', 0}, // it is the busiest itself
		{"aab", 'b', 0},  // it would only change places
		{"abc", 'd', 0},
		{"", 'a', 0},
	} {
		q := queueOf(tc.waiting)
		got := q.least(addressOf(tc.newcomer))
		switch {
		case tc.want == 0:
			if got != nil {
				t.Errorf("%q waiting, %c comes: %v gives way, want nobody", tc.waiting, tc.newcomer, got.address)
			}
		case got == nil || got != q.lines[addressOf(tc.want)].jobs.Back().Value:
			t.Errorf("%q waiting, %c comes: want the newest of %c to give way", tc.waiting, tc.newcomer, tc.want)
		}
	}
}

// Whatever comes and goes, who gives way is the newest of an address of which most wait.
func TestWhoGivesWayIsOfTheBusiestAddress(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	q, in := &queue{}, map[byte][]*job{} // by letter, oldest first
	for step := range 20_000 {
		letter := 'a' + byte(min(random.IntN(20), random.IntN(20)))
		switch came := in[letter]; {
		case random.IntN(100) < 48 || q.waiting == 0:
			j := jobFrom(letter)
			q.push(j)
			in[letter] = append(came, j)
		case random.IntN(2) == 0:
			j := q.pop()
			letter := j.address.Addr().As4()[3]
			in[letter] = in[letter][1:]
		case len(came) > 0:
			at := random.IntN(len(came))
			q.remove(came[at])
			in[letter] = append(came[:at:at], came[at+1:]...)
		}
		most := 0
		for _, came := range in {
			most = max(most, len(came))
		}
		newcomer := 'a' + byte(random.IntN(25))
		got := q.least(addressOf(newcomer))
		if len(in[newcomer])+1 >= most {
			if got != nil {
				t.Fatalf("step %d: one gives way to an address of which %d wait, and %d at most", step, len(in[newcomer]), most)
			}
			continue
		}
		if got == nil {
			t.Fatalf("step %d: nobody gives way to an address of which %d wait, and %d at most", step, len(in[newcomer]), most)
		}
		if came := in[got.address.Addr().As4()[3]]; len(came) != most || came[most-1] != got {
			t.Fatalf("step %d: who gives way is of an address of which %d wait, want the newest of %d", step, len(came), most)
		}
	}
}

// A full queue of as many addresses as it has places refuses as quickly as any other.
func BenchmarkWhoGivesWayAmongManyAddresses(b *testing.B) {
	q := &queue{}
	for i := range defaultQueue {
		q.push(&job{address: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)})
	}
	for b.Loop() {
		if q.least(addressOf('a')) != nil {
			b.Fatal("one gives way where all have as many")
		}
	}
}
