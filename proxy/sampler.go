package proxy

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

const (
	// sampleLines is how many refusals of one address are logged in a sampleWindow; the rest
	// are counted, and the count is told when the window is over.
	sampleLines  = 20
	sampleWindow = 10 * time.Second
	// sampleAddresses bounds the table: further addresses share one entry.
	sampleAddresses = 4096
)

// sampler keeps a storm of refusals from becoming a storm of log lines. It is safe for
// concurrent use.
type sampler struct {
	log   *slog.Logger
	wheel *wheel
	start func(func())

	mu      sync.Mutex
	windows map[netip.Prefix]*sampleCount
	timer   timer
}

// sampleCount is one address's window.
type sampleCount struct {
	lines      int
	suppressed int
	reasons    map[string]int // of what was suppressed
}

// newSampler returns a sampler. start runs what may block, such as writing the log.
func newSampler(log *slog.Logger, w *wheel, start func(func())) *sampler {
	s := &sampler{log: log, wheel: w, start: start, windows: map[netip.Prefix]*sampleCount{}}
	s.timer.owner = s
	return s
}

// take reports whether another refusal of address may be logged. reason is a word of a closed
// set.
func (s *sampler) take(address netip.Prefix, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.windows) == 0 {
		s.wheel.set(&s.timer, time.Now().Add(sampleWindow))
	}
	w := s.windows[address]
	if w == nil && len(s.windows) >= sampleAddresses {
		address = netip.Prefix{}
		w = s.windows[address]
	}
	if w == nil {
		w = &sampleCount{}
		s.windows[address] = w
	}
	if w.lines >= sampleLines {
		w.suppressed++
		if w.reasons == nil {
			w.reasons = map[string]int{}
		}
		w.reasons[reason]++
		return false
	}
	w.lines++
	return true
}

// due ends the window of all addresses. The wheel must not wait for the log.
func (s *sampler) due(time.Time) { s.start(s.flush) }

// flush tells what was suppressed, and begins anew.
func (s *sampler) flush() {
	s.mu.Lock()
	windows := s.windows
	s.windows = map[netip.Prefix]*sampleCount{}
	s.mu.Unlock()
	for address, w := range windows {
		if w.suppressed > 0 {
			s.log.Info("refusals suppressed", "remote", shown(address), "suppressed", w.suppressed, "reasons", w.reasons)
		}
	}
}

// shown is how an address, or the rest of them, stands in a log line.
func shown(p netip.Prefix) string {
	if !p.IsValid() {
		return "others"
	}
	return p.String()
}
