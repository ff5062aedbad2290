package daemon

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// tidyInterval is how often it is looked whether clients have stopped coming and going.
	tidyInterval = 250 * time.Millisecond
	// tidyAfter is how many must have come or gone for what they left to be worth a collection,
	// and tidyQuiet how many in one interval are too many for one.
	tidyAfter = 1000
	tidyQuiet = 20
)

// tidy keeps the pace of collections, and gives the memory that a storm of clients has left behind back
// to the system, once the storm is over: the runtime would keep it until as much again is allocated,
// which idle sessions never do. It returns when ctx ends.
func tidy(ctx context.Context, clients func() (accepted uint64, sessions int)) {
	ticker := time.NewTicker(tidyInterval)
	defer ticker.Stop()
	p := newPace()
	defer p.end()
	p.adapt()
	var churn, before, last uint64
	held := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p.adapt()
		accepted, sessions := clients()
		moved := accepted - last + uint64(max(held-sessions, 0))
		last, held = accepted, sessions
		if churn += moved; churn-before < tidyAfter || moved > tidyQuiet {
			continue
		}
		before = churn
		debug.FreeOSMemory()
	}
}
