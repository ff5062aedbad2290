package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func chartOf(spans ...map[string]int) chart {
	st := refusalsStatus{SpanSeconds: 30}
	for i, counts := range spans {
		st.Spans = append(st.Spans, spanStatus{time.Unix(int64(30*i), 0).UTC(), counts})
	}
	return newChart(st)
}

// The parts of a bar lie on each other without a gap, within the picture, and are as high as
// their share of the highest bar.
func TestChartsBars(t *testing.T) {
	c := chartOf(map[string]int{"busy": 1, "bad_password": 59}, nil, map[string]int{"bad_password": 30}, map[string]int{"busy": 1})
	if c.Most != 60 || len(c.Parts) != 4 || c.Bars != 4*barWidth+3*barGap {
		t.Fatalf("got %+v", c)
	}
	want := []part{
		{X: 0, Y: 2, W: barWidth, H: 118, Class: "c0", Title: "bad_password: 59 from 00:00:00 UTC"},
		{X: 0, Y: 0, W: barWidth, H: 2, Class: "c1", Title: "busy: 1 from 00:00:00 UTC"},
		{X: 2 * (barWidth + barGap), Y: 60, W: barWidth, H: 60, Class: "c0", Title: "bad_password: 30 from 00:01:00 UTC"},
		{X: 3 * (barWidth + barGap), Y: 118, W: barWidth, H: 2, Class: "c1", Title: "busy: 1 from 00:01:30 UTC"},
	}
	for i, p := range c.Parts {
		if p != want[i] {
			t.Errorf("part %d: got %+v, want %+v", i, p, want[i])
		}
	}
}

// One refusal beside a million is seen.
func TestChartsSmallParts(t *testing.T) {
	c := chartOf(map[string]int{"bad_password": 1_000_000, "a": 1, "b": 1}, map[string]int{"a": 1})
	bottom := c.Base
	for _, p := range c.Parts[:3] {
		if p.H < 1 || p.Y+p.H != bottom || p.Y < -top {
			t.Errorf("got %+v above %d", p, bottom)
		}
		bottom = p.Y
	}
	if p := c.Parts[3]; p.H != 1 || p.Y != c.Base-1 {
		t.Errorf("alone: got %+v", p)
	}
}

func TestChartsLegend(t *testing.T) {
	counts := map[string]int{}
	for i := range 10 {
		counts[fmt.Sprintf("r%d", i)] = 10 - i
	}
	c := chartOf(counts)
	if len(c.Legend) != colours || c.Legend[0] != (legend{"c0", "r0", 10}) || c.Legend[colours-1] != (legend{"c6", others, 4 + 3 + 2 + 1}) {
		t.Errorf("got %+v", c.Legend)
	}
	if len(c.Parts) != colours || c.Parts[colours-1].Title != "others: 10 from 00:00:00 UTC" {
		t.Errorf("got %+v", c.Parts)
	}
}

func TestChartOfNothing(t *testing.T) {
	if c := chartOf(nil, nil); c.Most != 0 || len(c.Parts) != 0 || len(c.Legend) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestWordsForNumbers(t *testing.T) {
	for n, want := range map[any]string{0: "0", 999: "999", 1000: "1\u202f000", uint64(1234567): "1\u202f234\u202f567"} {
		if got := count(n); got != want {
			t.Errorf("count %v: got %q, want %q", n, got, want)
		}
	}
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 99_949: "99.9 kB", 99_950: "100 kB", 999_499: "999 kB", 999_500: "1.0 MB", 1 << 63: "9.2 EB",
	} {
		if got := plainBlanks(byteCount(n)); got != want {
			t.Errorf("byteCount %d: got %q, want %q", n, got, want)
		}
	}
	now := time.Unix(1e9, 0)
	for d, want := range map[time.Duration]string{
		0: "0 s", 59400 * time.Millisecond: "59 s", 59600 * time.Millisecond: "1 min 0 s", time.Hour - time.Second: "59 min 59 s",
		25 * time.Hour: "1 d 1 h", -90 * time.Minute: "1 h 30 min",
	} {
		if got := plainBlanks(since(now, now.Add(-d))); got != want {
			t.Errorf("since %v: got %q, want %q", d, got, want)
		}
	}
}

// plainBlanks has a blank for each narrow one.
func plainBlanks(s string) string { return strings.ReplaceAll(s, "\u202f", " ") }
