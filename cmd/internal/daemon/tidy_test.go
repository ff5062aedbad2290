package daemon

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackOnceAStormIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var accepted, sessions atomic.Int64
		go tidy(ctx, func() (uint64, int) { return uint64(accepted.Load()), int(sessions.Load()) })
		collections := func() uint32 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.NumForcedGC
		}
		pass := func(intervals int) {
			time.Sleep(time.Duration(intervals) * tidyInterval)
			synctest.Wait()
		}
		before := collections()
		for range 10 { // the storm
			accepted.Add(tidyAfter / 4)
			sessions.Add(tidyAfter / 4)
			pass(1)
		}
		if got := collections() - before; got != 0 {
			t.Errorf("during the storm: got %d collections, want none", got)
		}
		pass(3)
		if got := collections() - before; got != 1 {
			t.Errorf("after the storm: got %d collections, want 1", got)
		}
		pass(20)
		sessions.Store(0) // and all go at once
		pass(3)
		if got := collections() - before; got != 2 {
			t.Errorf("after all have gone: got %d collections, want 2", got)
		}
	})
}
