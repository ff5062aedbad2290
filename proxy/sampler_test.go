package proxy

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStormOfRefusalsIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := newWheel()
		go w.run()
		defer w.close()
		s := newSampler(slog.New(slog.NewTextHandler(&log, nil)), w, func(f func()) { go f() })
		loud, quiet := netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")
		logged := 0
		for range 1000 {
			if s.take(loud, "bad_password") {
				logged++
			}
		}
		if logged != sampleLines {
			t.Errorf("logged %d lines of one address, want %d", logged, sampleLines)
		}
		if !s.take(quiet, "busy") {
			t.Error("another address was silenced with it")
		}
		time.Sleep(sampleWindow + time.Second)
		synctest.Wait()
		want := fmt.Sprintf("remote=192.0.2.1 suppressed=%d reasons=map[bad_password:%[1]d]", 1000-sampleLines)
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
			t.Errorf("log: got %q, want one line with %q", got, want)
		}
		if !s.take(loud, "bad_password") {
			t.Error("still silenced after the window")
		}
	})
}

func TestSamplerIsBounded(t *testing.T) {
	s := newSampler(slog.New(slog.DiscardHandler), newWheel(), func(f func()) { f() })
	for i := range 3 * sampleAddresses {
		s.take(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), "busy")
	}
	if n := len(s.windows); n > sampleAddresses+1 {
		t.Errorf("the table has %d entries, want at most %d", n, sampleAddresses+1)
	}
}

// A log that blocks must not hold up the wheel, and with it expiry and time-outs.
func TestLogThatBlocksDoesNotHoldUpTheWheel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel()
		go w.run()
		defer w.close()
		stuck := blockingWriter(make(chan struct{}))
		s := newSampler(slog.New(slog.NewTextHandler(stuck, nil)), w, func(f func()) { go f() })
		for range sampleLines + 1 {
			s.take(netip.Prefix{}, "busy")
		}
		a := newAlarm(w, time.Now().Add(sampleWindow+time.Second))
		time.Sleep(sampleWindow + 2*time.Second)
		synctest.Wait()
		if len(a.fired()) != 1 {
			t.Error("the wheel stands still")
		}
		close(stuck)
	})
}

// blockingWriter blocks every write until it is closed.
type blockingWriter chan struct{}

func (w blockingWriter) Write(p []byte) (int, error) {
	<-w
	return len(p), nil
}
