package daemon

import (
	"io"
	"sync"
	"time"
)

const (
	// spoolDelay is how long a line may wait for others to be written with it.
	spoolDelay = 5 * time.Millisecond
	// spoolSize is how many bytes may wait, some thousands of lines. Whatever comes on top is
	// dropped, and counted: a reader that has stopped must not stop the sessions.
	spoolSize = 1 << 20
)

// Spool writes what it is given a moment later, many lines at a time, so that whoever logs waits
// for nobody. It is safe for concurrent use, and must be closed: what it holds then is written.
type Spool struct {
	out io.Writer

	writing sync.Mutex // held while out is written to
	mu      sync.Mutex
	lines   []byte
	spare   []byte
	due     bool // flush will be called
	dropped uint64
	closed  bool
}

// NewSpool returns a spool for out.
func NewSpool(out io.Writer) *Spool { return &Spool{out: out} }

// Write takes p, which is whole lines. It returns no error: what can't be written is gone.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		s.dropped++
		return len(p), nil
	case len(s.lines)+len(p) > spoolSize:
		s.dropped++
		return len(p), nil
	}
	s.lines = append(s.lines, p...)
	if !s.due {
		s.due = true
		time.AfterFunc(spoolDelay, s.flush)
	}
	return len(p), nil
}

// Dropped is the number of writes that were dropped so far.
func (s *Spool) Dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// flush writes what is there.
func (s *Spool) flush() {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	lines := s.lines
	s.lines, s.spare = s.spare[:0], nil
	s.due = false
	s.mu.Unlock()
	_, _ = s.out.Write(lines)
	s.mu.Lock()
	s.spare = lines[:0]
	s.mu.Unlock()
}

// spoolPatience is how long Close waits for a reader that has stopped.
const spoolPatience = time.Second

// Close writes what is left, unless nobody reads it within a second. Whatever comes later is
// dropped.
func (s *Spool) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.flush()
	}()
	select {
	case <-written:
	case <-time.After(spoolPatience):
	}
}
