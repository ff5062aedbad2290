package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"mqttward/config"
)

// Two processes write one log during an upgrade: each line says of which it is, once.
func TestEveryLineHasTheProcess(t *testing.T) {
	log := &logText{}
	l := NewLogger(config.Log{Format: config.LogJSON}, log)
	derived := l.With("jwks", "x")
	l.Info("one", "a", 1)
	derived.Warn("two")
	l.Set(config.Log{Format: config.LogText})
	l.Error("three", "a", 1)
	derived.WithGroup("g").Info("four", "a", 1)
	pid := fmt.Sprint(os.Getpid())
	want := []string{
		`"msg":"one","pid":` + pid + `,"a":1}`,
		`"msg":"two","pid":` + pid + `,"jwks":"x"}`,
		"msg=three pid=" + pid + " a=1",
		"msg=four pid=" + pid + " jwks=x g.a=1",
	}
	for i, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		if !strings.HasSuffix(line, want[i]) {
			t.Errorf("line %d is %s, want it to end in %s", i, line, want[i])
		}
	}
}

// What every line carries is written down once.
func TestTheProcessCostsNoAllocation(t *testing.T) {
	for _, format := range []config.LogFormat{config.LogText, config.LogJSON} {
		l := NewLogger(config.Log{Format: format}, io.Discard)
		least := 100.0 // a pool may be empty, and is at random under the race detector
		for range 100 {
			least = min(least, testing.AllocsPerRun(1, func() { l.LogAttrs(t.Context(), slog.LevelInfo, "x", slog.Int("a", 1)) }))
		}
		if least > 0 {
			t.Errorf("%v: a line costs %v allocations, want none", format, least)
		}
	}
}
