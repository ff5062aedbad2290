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
	gaveWay map[netip.Prefix]int // connections that had to, by address
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
	s := &sampler{log: log, wheel: w, start: start, windows: map[netip.Prefix]*sampleCount{}, gaveWay: map[netip.Prefix]int{}}
	s.timer.owner = s
	return s
}

// take reports whether another refusal of address may be logged. reason is a word of a closed
// set.
func (s *sampler) take(address netip.Prefix, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open()
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

// evicted counts a connection of address that had to give way.
func (s *sampler) evicted(address netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open()
	if _, known := s.gaveWay[address]; !known && len(s.gaveWay) >= sampleAddresses {
		address = netip.Prefix{}
	}
	s.gaveWay[address]++
}

// open begins a window, unless one is open. The lock is held.
func (s *sampler) open() {
	if len(s.windows)+len(s.gaveWay) == 0 {
		s.wheel.set(&s.timer, time.Now().Add(sampleWindow))
	}
}

// due ends the window of all addresses. The wheel must not wait for the log.
func (s *sampler) due(time.Time) { s.start(s.flush) }

// flush tells what was counted, and begins anew.
func (s *sampler) flush() {
	s.mu.Lock()
	windows, gaveWay := s.windows, s.gaveWay
	s.windows, s.gaveWay = map[netip.Prefix]*sampleCount{}, map[netip.Prefix]int{}
	s.mu.Unlock()
	for address, w := range windows {
		if w.suppressed > 0 {
			s.log.Info("refusals suppressed", "remote", shown(address), "suppressed", w.suppressed, "reasons", w.reasons)
		}
	}
	all, busiest := 0, netip.Prefix{}
	for address, n := range gaveWay {
		if all += n; n > gaveWay[busiest] {
			busiest = address
		}
	}
	if all > 0 {
		s.log.Warn("max_handshakes is reached: connections that sent no CONNECT gave way",
			"gave_way", all, "busiest", shown(busiest), "of_busiest", gaveWay[busiest])
	}
}

// shown is how an address, or the rest of them, stands in a log line.
func shown(p netip.Prefix) string {
	if !p.IsValid() {
		return "others"
	}
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
