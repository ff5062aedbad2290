package daemon

import (
	"strings"
	"time"

	"mqttward/proxy/admin"
)

const (
	// problemsKept is how many faults of a reload are kept to be shown, and problemSize how many bytes
	// of each: the log has all.
	problemsKept = 20
	problemSize  = 1000
)

// reloads are what became of the last reloads.
func (d *Daemon) reloads() admin.Reloads {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reloaded // its problems are never changed
}

// noteReloaded notes that a new configuration is in force.
func (d *Daemon) noteReloaded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reloaded.Succeeded = time.Now()
}

// noteFailed notes that a new configuration was faulty, and why.
func (d *Daemon) noteFailed(problems []string) {
	var kept []string
	for _, p := range problems[:min(len(problems), problemsKept)] {
		if len(p) > problemSize {
			p = strings.ToValidUTF8(p[:problemSize], "") + "…"
		}
		kept = append(kept, p)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reloaded.Failed, d.reloaded.Problems, d.reloaded.More = time.Now(), kept, len(problems)-len(kept)
}
