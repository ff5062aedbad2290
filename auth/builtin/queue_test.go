package builtin

import (
	"net/netip"
	"testing"
	"time"
)

// addressOf returns the address that a letter stands for.
func addressOf(letter byte) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, letter}), 32)
}

func TestQueueKnowsItsWork(t *testing.T) {
	q := &queue{}
	var jobs []*job
	for i, letter := range []byte("aabc") {
		j := &job{address: addressOf(letter), takes: time.Duration(i+1) * time.Second}
		q.push(j)
		jobs = append(jobs, j)
	}
	expect := func(n int, work time.Duration) {
		t.Helper()
		if q.jobs.Len() != n || q.work != work {
			t.Errorf("%d with %v of work wait, want %d with %v", q.jobs.Len(), q.work, n, work)
		}
	}
	expect(4, 10*time.Second)
	if !q.remove(jobs[2]) || q.remove(jobs[2]) {
		t.Error("remove reports that a job was not in, or was in twice")
	}
	expect(3, 7*time.Second)
	if got := q.pop(); got != jobs[0] || q.remove(got) {
		t.Errorf("another job came out than the first, or it is still in")
	}
	expect(2, 6*time.Second)
	q.pop()
	q.pop()
	expect(0, 0)
}
