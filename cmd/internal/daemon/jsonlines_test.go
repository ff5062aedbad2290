package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"
)

// sameLine expects that r comes out of jsonLines as out of slog's handler.
func sameLine(t *testing.T, derive func(slog.Handler) slog.Handler, r slog.Record) {
	t.Helper()
	var got, want bytes.Buffer
	o := &slog.HandlerOptions{Level: slog.LevelDebug}
	derive(newJSONLines(&got, o)).Handle(context.Background(), r)
	derive(slog.NewJSONHandler(&want, o)).Handle(context.Background(), r)
	if got.String() != want.String() {
		t.Errorf("got  %s\nwant %s", &got, &want)
	}
}

func underived(h slog.Handler) slog.Handler { return h }

func record(text string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, text, 0)
	r.AddAttrs(attrs...)
	return r
}

func TestJSONLinesAreThoseOfSlog(t *testing.T) {
	for _, r := range []slog.Record{
		record("connected"),
		record("connected", slog.String("a", "b"), slog.Int("i", -5), slog.Uint64("u", math.MaxUint64), slog.Bool("yes", true)),
		record("connected", slog.Float64("f", 0.345), slog.Float64("zero", 0), slog.Float64("whole", 12), slog.Float64("large", 1e20)),
		record("connected", slog.Float64("f", 1e-9)),
		record("connected", slog.Float64("f", 1e21)),
		record("connected", slog.Float64("f", math.Inf(1))),
		record("connected", slog.Float64("f", math.NaN())),
		record("connected", slog.Float64("f", math.Copysign(0, -1))),
		record("connected", slog.Float64("f", -1.5)),
		record("text \"quoted\" \\ \n"),
		record("connected", slog.String("k\x01", "v")),
		record("connected", slog.String("k", "v\xff")),
		record("connected", slog.String("k", "\u202e\u2028 \x7f")),
		record("connected", slog.String("", "without a key")),
		record("connected", slog.Attr{}),
		record("connected", slog.Duration("d", time.Second), slog.Time("t", time.Now())),
		record("connected", slog.Any("error", errors.New("broken"))),
		record("connected", slog.Any("nothing", nil)),
		record("connected", slog.Group("g", slog.Int("a", 1))),
		record("connected", slog.Group("g")),
		record("connected", slog.Int("first", 1), slog.Attr{Value: slog.GroupValue(slog.Int("a", 1), slog.String("b", "c"))}),
		record("connected", slog.Attr{Value: slog.GroupValue()}),
		record("connected", slog.Attr{Value: slog.GroupValue(slog.Any("error", errors.New("broken")))}),
	} {
		sameLine(t, underived, r)
		sameLine(t, func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("pid", 7), slog.String("x", "y")})
		}, r)
		sameLine(t, func(h slog.Handler) slog.Handler { return h.WithAttrs([]slog.Attr{slog.String("x", "\n")}) }, r)
		sameLine(t, func(h slog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("pid", 7)}).WithGroup("g").WithAttrs([]slog.Attr{slog.Int("n", 8)})
		}, r)
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))} {
		sameLine(t, underived, slog.NewRecord(at, slog.LevelWarn+1, "connected", 0))
	}
}

// Two loggers derived from one do not share what they add.
func TestJSONLinesDerivedTwiceKeepTheirAttributes(t *testing.T) {
	twice := func(h slog.Handler) slog.Handler {
		h = h.WithAttrs([]slog.Attr{slog.String("shared", "0123456789")})
		mine := h.WithAttrs([]slog.Attr{slog.Int("n", 1)})
		h.WithAttrs([]slog.Attr{slog.Int("n", 2)})
		return mine
	}
	sameLine(t, twice, record("connected"))
}

func FuzzJSONLines(f *testing.F) {
	f.Add("connected", "client_id", "d-1", 0.5, int64(3))
	f.Add("\x00", "k\"", "\xff\u202e", -1e-9, int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, text, key, value string, number float64, whole int64) {
		attrs := []slog.Attr{slog.String(key, value), slog.Float64("f", number), slog.Int64("i", whole), slog.Uint64("u", uint64(whole))}
		sameLine(t, underived, record(text, attrs...))
		sameLine(t, underived, record(text, slog.Attr{Value: slog.GroupValue(attrs...)}))
	})
}

func BenchmarkLines(b *testing.B) {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	for name, h := range map[string]slog.Handler{"slog": slog.NewJSONHandler(discard{}, o), "here": newJSONLines(discard{}, o)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := slog.NewRecord(time.Now(), slog.LevelInfo, "connected", 0)
				r.AddAttrs(slog.Uint64("conn", 12345), slog.String("listener", "plain"), slog.String("remote", "192.0.2.7:45678"),
					slog.String("client_id", "d-1"), slog.Float64("duration_ms", 0.345))
				_ = h.Handle(context.Background(), r)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
