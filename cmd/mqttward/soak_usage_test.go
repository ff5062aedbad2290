//go:build linux

package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// ask gets a page of the admin listener.
func (s *soak) ask(path string) (string, error) {
	client := http.Client{Timeout: soakPatience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get("http://" + s.adminAt + path)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, answer.Status)
	}
	return string(text), err
}

// metrics are those of the newest process, by their name with its labels.
func (s *soak) metrics() map[string]float64 {
	s.t.Helper()
	text, err := s.ask("/metrics")
	if err != nil {
		s.t.Fatalf("metrics: %v", err)
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if ok {
			name += "}"
		} else {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil && !strings.HasPrefix(name, "#") {
			all[name] = v
		}
	}
	return all
}

// metric is one of them.
func (s *soak) metric(name string) float64 {
	s.t.Helper()
	value, ok := s.metrics()[name]
	if !ok {
		s.fault("there is no metric %s", name)
	}
	return value
}

// sumOf adds those up whose names begin so.
func sumOf(metrics map[string]float64, prefix string) (sum float64) {
	for name, value := range metrics {
		if strings.HasPrefix(name, prefix) {
			sum += value
		}
	}
	return sum
}

// usage is what a process holds.
type usage struct {
	resident, heap    int // KiB; the heap after a collection
	files, goroutines int
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f MiB (%.1f of live heap), %d descriptors, %d goroutines", float64(u.resident)/1024, float64(u.heap)/1024, u.files, u.goroutines)
}

// used returns what the newest process holds, after a collection.
func (s *soak) used() usage {
	s.t.Helper()
	if _, err := s.ask("/debug/pprof/heap?gc=1"); err != nil {
		s.t.Fatalf("collect: %v", err)
	}
	m := s.metrics()
	u := usage{heap: int(m["go_memstats_heap_alloc_bytes"]) / 1024, goroutines: int(m["go_goroutines"])}
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.l.pid))
	u.files = len(files)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.l.pid))
	if _, after, ok := strings.Cut(string(status), "VmRSS:"); ok {
		_, _ = fmt.Sscan(after, &u.resident)
	}
	if u.resident == 0 || u.heap == 0 || u.files == 0 || u.goroutines == 0 {
		s.t.Fatalf("process %d: %v", s.l.pid, u)
	}
	return u
}

// The room that is given beside what there was: what is made once and kept, such as event loops, the
// places for hashing, remembered tokens and addresses; and what the allocator keeps.
const (
	roomResident   = 12 << 10 // KiB, beside a quarter
	roomHeap       = 5 << 10  // KiB
	roomFiles      = 12
	roomGoroutines = 12
)

// usedAfterShift is what the newest process holds when the clients have gone: as many descriptors and
// goroutines as one that never had any, and no more heap than it remembers them by.
func (s *soak) usedAfterShift(empty usage) (u usage) {
	s.t.Helper()
	if s.t.Failed() {
		return u
	}
	for end := time.Now().Add(soakPatience); ; time.Sleep(100 * time.Millisecond) {
		u = s.used()
		switch {
		case u.files <= empty.files+roomFiles && u.goroutines <= empty.goroutines+roomGoroutines && u.heap <= empty.heap+roomHeap:
			return u
		case time.Now().After(end):
			s.t.Errorf("without clients: %v, want about as at the start: %v", u, empty)
			return u
		}
	}
}

// flat sees that what the last process holds without clients has not grown by a shift of theirs.
func (s *soak) flat(empty, before, after usage) {
	if s.t.Failed() {
		return
	}
	for end := time.Now().Add(soakPatience); after.resident > before.resident*5/4+roomResident; after = s.used() {
		if time.Now().After(end) { // the runtime gives memory back slowly
			s.t.Errorf("memory: %d KiB after the last shift, %d before it", after.resident, before.resident)
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Logf("at the start: %v; without clients before the last shift: %v; after it: %v", empty, before, after)
}
