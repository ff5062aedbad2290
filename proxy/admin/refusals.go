package admin

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"mqttward/auth"
	"mqttward/proxy"
)

const (
	// lastRefusals is how many refusals are kept whole. Each is some hundred bytes.
	lastRefusals = 100
	// spanLength and numSpans are the chart: ten minutes.
	spanLength = 30 * time.Second
	numSpans   = 20
)

// refusals remembers the last refusals, and how many there were of late for each reason. Its size
// is fixed. It is safe for concurrent use.
type refusals struct {
	now func() time.Time

	mu    sync.Mutex
	last  []proxy.Refusal // a ring, once it is full
	next  int             // where the next one goes
	total uint64
	spans [numSpans]span // by the number of the span, modulo
}

// span counts the refusals of a part of time.
type span struct {
	number int64 // since 1970, in spanLength
	counts map[auth.Reason]int
}

func newRefusals() *refusals {
	return &refusals{now: time.Now, last: make([]proxy.Refusal, 0, lastRefusals)}
}

// add takes one more.
func (r *refusals) add(refusal proxy.Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	if len(r.last) < lastRefusals {
		r.last = append(r.last, refusal)
	} else {
		r.last[r.next] = refusal
	}
	r.next = (r.next + 1) % lastRefusals
	number := spanOf(refusal.Time)
	s := r.span(number)
	if s.number != number || s.counts == nil {
		*s = span{number: number, counts: map[auth.Reason]int{}}
	}
	s.counts[refusal.Reason]++
}

func spanOf(t time.Time) int64 { return t.Unix() / int64(spanLength/time.Second) }

// span is where the span of a number is kept. A machine without a clock begins in 1970, and the spans
// that are shown then before it.
func (r *refusals) span(number int64) *span {
	return &r.spans[(number%numSpans+numSpans)%numSpans]
}

// lately returns the refusals that are kept and that word, in any case, is found in, newest
// first, and how many there were in all.
func (r *refusals) lately(word string) (last []proxy.Refusal, total uint64) {
	r.mu.Lock()
	kept := slices.Concat(r.last[r.oldest():], r.last[:r.oldest()])
	total = r.total
	r.mu.Unlock()
	slices.Reverse(kept)
	word = strings.ToLower(word)
	return slices.DeleteFunc(kept, func(refusal proxy.Refusal) bool { return !holds(refusal, word) }), total
}

// oldest is where the ring begins.
func (r *refusals) oldest() int {
	if len(r.last) < lastRefusals {
		return 0
	}
	return r.next
}

// holds reports whether a word in lower case is found in what is shown of a refusal.
func holds(r proxy.Refusal, word string) bool {
	return found(word, r.ClientID, r.UserName, shownAddress(r.Remote), r.Reason.String(), r.Listener, r.Detail)
}

// found reports whether a word in lower case is found in a text in any case.
func found(word string, texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), word) {
			return true
		}
	}
	return false
}

// spanCount is how many refusals there were in the span that began at Start.
type spanCount struct {
	Start  time.Time
	Counts map[auth.Reason]int
}

// history returns the last spans, the oldest first, and the current one last.
func (r *refusals) history() []spanCount {
	current := spanOf(r.now())
	history := make([]spanCount, numSpans)
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range history {
		number := current - numSpans + 1 + int64(i)
		h := spanCount{Start: time.Unix(number*int64(spanLength/time.Second), 0).UTC(), Counts: map[auth.Reason]int{}}
		if s := r.span(number); s.number == number {
			for reason, n := range s.counts {
				h.Counts[reason] = n
			}
		}
		history[i] = h
	}
	return history
}

// shownAddress is how a client's address stands in the list.
func shownAddress(remote netip.AddrPort) string {
	if !remote.IsValid() {
		return "local"
	}
	return remote.Addr().Unmap().String()
}
