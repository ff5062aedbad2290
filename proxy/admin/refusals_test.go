package admin

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/proxy"
)

func refusalOf(i int, at time.Time, r auth.Reason) proxy.Refusal {
	return proxy.Refusal{
		Time: at, Conn: uint64(i), Listener: "mqtt", ClientID: fmt.Sprintf("Meter-%d", i),
		Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 4000), Reason: r,
	}
}

func TestLastRefusalsAreKeptNewestFirst(t *testing.T) {
	r := newRefusals()
	for n := 1; n <= 3*lastRefusals+7; n++ {
		r.add(refusalOf(n, time.Now(), auth.BadPassword))
		last, total := r.lately("")
		if total != uint64(n) || len(last) != min(n, lastRefusals) {
			t.Fatalf("after %d: got %d of %d", n, len(last), total)
		}
		for i, refusal := range last {
			if refusal.Conn != uint64(n-i) {
				t.Fatalf("after %d: the one at %d is number %d", n, i, refusal.Conn)
			}
		}
	}
	if cap(r.last) != lastRefusals {
		t.Errorf("there is room for %d", cap(r.last))
	}
}

func TestRefusalsAreFound(t *testing.T) {
	r := newRefusals()
	r.add(refusalOf(1, time.Now(), auth.BadPassword))
	other := refusalOf(2, time.Now(), auth.TokenExpired)
	other.UserName, other.HasUserName, other.Detail = "Anna", true, "26s ago"
	other.Remote = netip.MustParseAddrPort("[::ffff:198.51.100.7]:1")
	r.add(other)
	for word, want := range map[string]string{
		"": "21", "meter-1": "1", "METER-2": "2", "meter": "21", "192.0.2.1": "1", "198.51.100.7": "2", "ffff": "",
		"anna": "2", "token_": "2", "bad_password": "1", "mqtt": "21", "26s": "2", "4000": "", "nobody": "",
	} {
		last, _ := r.lately(word)
		got := ""
		for _, refusal := range last {
			got += fmt.Sprint(refusal.Conn)
		}
		if got != want {
			t.Errorf("%q: found %q, want %q", word, got, want)
		}
	}
}

func TestHistoryForgets(t *testing.T) {
	r := newRefusals()
	start := time.Unix(1_700_000_020, 0) // 10 s into a span
	now := start
	r.now = func() time.Time { return now }
	total := func() (n int) {
		for _, h := range r.history() {
			n += sum(map[string]int{"": h.Counts[auth.BadPassword]})
		}
		return n
	}
	r.add(refusalOf(1, now, auth.BadPassword))
	r.add(refusalOf(2, now, auth.BadPassword))
	r.add(refusalOf(3, now, auth.Busy))
	h := r.history()
	current := h[len(h)-1]
	if len(h) != numSpans || current.Counts[auth.BadPassword] != 2 || current.Counts[auth.Busy] != 1 || !current.Start.Equal(start.Add(-10*time.Second)) {
		t.Fatalf("got %d spans and %+v", len(h), current)
	}
	now = start.Add(spanLength)
	h = r.history()
	if h[numSpans-2].Counts[auth.BadPassword] != 2 || len(h[numSpans-1].Counts) != 0 {
		t.Errorf("a span later: got %+v", h[numSpans-2:])
	}
	now = start.Add((numSpans - 1) * spanLength)
	if got := total(); got != 2 {
		t.Errorf("at the end of the history: got %d, want 2", got)
	}
	now = start.Add(numSpans * spanLength)
	if got := total(); got != 0 {
		t.Errorf("after it: got %d, want none", got)
	}
	r.add(refusalOf(4, now, auth.BadPassword)) // where the first was
	if got := total(); got != 1 {
		t.Errorf("a revolution later: got %d, want 1", got)
	}
}

func TestRefusalsFromManySides(t *testing.T) {
	r := newRefusals()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 500 {
				r.add(refusalOf(i, time.Now(), auth.Busy))
				r.lately("meter")
				r.history()
			}
		})
	}
	group.Wait()
	if _, total := r.lately(""); total != 4000 {
		t.Errorf("got %d, want 4000", total)
	}
}

// A machine without a clock of its own begins in 1970, until something has set it.
func TestRefusalsOfAMachineWithoutAClock(t *testing.T) {
	for _, now := range []time.Time{time.Unix(0, 0), time.Unix(7, 0), time.Unix(500, 0), time.Unix(-100, 0)} {
		r := newRefusals()
		r.now = func() time.Time { return now }
		r.add(refusalOf(1, now, auth.BadPassword))
		history := r.history()
		if len(history) != numSpans {
			t.Fatalf("at %d: %d spans, want %d", now.Unix(), len(history), numSpans)
		}
		if n := history[numSpans-1].Counts[auth.BadPassword]; n != 1 {
			t.Errorf("at %d: %d refusals in the current span, want 1", now.Unix(), n)
		}
	}
}
