package daemon

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/proxy/proxytest"
)

// gate is a writer that lets nothing through until it is opened.
type gate struct {
	proxytest.Log
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.Log.Write(p)
}

func TestSpoolWritesTogetherAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		var text bytes.Buffer
		s := NewSpool(writerFunc(func(p []byte) (int, error) {
			writes++
			return text.Write(p)
		}))
		want := ""
		for i := range 100 {
			fmt.Fprintln(s, i)
			want += fmt.Sprintln(i)
		}
		time.Sleep(2 * spoolDelay)
		synctest.Wait()
		if text.String() != want || writes != 1 {
			t.Errorf("got %d writes of %q, want one of all lines", writes, text.String())
		}
		s.Close()
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSpoolWaitsForNoReaderAndDropsWhatIsTooMuch(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	s := NewSpool(g)
	line := []byte(strings.Repeat("x", 1023) + "\n")
	const lines = 4 * spoolSize / 1024
	for range lines {
		s.Write(line) // and none of these blocks
	}
	dropped := s.Dropped()
	close(g.open)
	s.Close()
	if got := uint64(len(g.String())/len(line)) + dropped; got != lines || dropped == 0 {
		t.Errorf("written and dropped: got %d (%d dropped), want %d, some of them dropped", got, dropped, lines)
	}
}

func TestSpoolIsEmptyOnceItIsClosed(t *testing.T) {
	var log proxytest.Log
	s := NewSpool(&log)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				fmt.Fprintln(s, "line")
			}
		})
	}
	all.Wait()
	s.Close()
	if got := strings.Count(log.String(), "line\n"); got != 800 {
		t.Errorf("lines: got %d, want 800", got)
	}
}

func TestCloseOfASpoolWaitsNotForEver(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	defer close(g.open)
	s := NewSpool(g)
	fmt.Fprintln(s, "line")
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(20 * spoolPatience):
		t.Error("it waits for a reader that has stopped")
	}
}
