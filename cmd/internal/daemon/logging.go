package daemon

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"mqttward/config"
)

// Logger is a logger whose level and format can be changed while it is used, by whoever holds
// it or one derived from it. Its lines begin with the id of this process, "pid".
type Logger struct {
	*slog.Logger
	out  io.Writer
	base *atomic.Pointer[slog.Handler]
}

// NewLogger returns the logger that c describes, which writes to w. The format that c leaves
// open is text on a terminal and JSON elsewhere.
func NewLogger(c config.Log, w io.Writer) *Logger {
	l := &Logger{out: w, base: &atomic.Pointer[slog.Handler]{}}
	l.Set(c)
	l.Logger = slog.New(handler{base: l.base})
	return l
}

// Set puts c in force.
func (l *Logger) Set(c config.Log) {
	o := &slog.HandlerOptions{Level: c.Level}
	var h slog.Handler = newJSONLines(l.out, o)
	if c.Format == config.LogText || c.Format == config.LogAuto && isTerminal(l.out) {
		h = slog.NewTextHandler(l.out, o)
	}
	// During an upgrade two processes write to one place. What a handler is given here it writes down
	// once, for all lines.
	h = h.WithAttrs([]slog.Attr{slog.Int("pid", os.Getpid())})
	l.base.Store(&h)
}

// Faults tells what is wrong with a configuration, a line for each fault.
func (l *Logger) Faults(err error) {
	for fault := range strings.Lines(err.Error()) {
		l.Error("configuration", "problem", strings.TrimSuffix(fault, "\n"))
	}
}

// handler hands on to the handler that is in force, with what it was derived by.
type handler struct {
	base    *atomic.Pointer[slog.Handler]
	derived []func(slog.Handler) slog.Handler
}

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return (*h.base.Load()).Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	to := *h.base.Load()
	for _, derive := range h.derived {
		to = derive(to)
	}
	return to.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithAttrs(attrs) })
}

func (h handler) WithGroup(name string) slog.Handler {
	return h.with(func(to slog.Handler) slog.Handler { return to.WithGroup(name) })
}

func (h handler) with(derive func(slog.Handler) slog.Handler) slog.Handler {
	h.derived = append(h.derived[:len(h.derived):len(h.derived)], derive)
	return h
}

func isTerminal(w io.Writer) bool {
	if s, ok := w.(*Spool); ok {
		w = s.out
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
