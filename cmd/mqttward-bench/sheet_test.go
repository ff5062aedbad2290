package main

import (
	"strings"
	"testing"
)

// example has three routes, one of which has no figure for the second column.
func example() *sheet {
	s := &sheet{title: "Example", column: []string{"rate", "µs"}, notes: []string{"A note."}}
	for round := range 3 {
		extra := float64(round * 10)
		s.add("one", routeDirect, sample{"rate": 1000 + extra})
		s.add("one", routeMqttward, sample{"rate": 400 + extra, "µs": 9})
		s.add("one", routeHAProxy, sample{"rate": 800 + extra, "µs": 12})
	}
	s.add("two", routeDirect, sample{"rate": 50})
	s.add("two", routeMqttward, sample{"rate": 25, "µs": 0.5})
	return s
}

func TestSheetIsFixedInWidth(t *testing.T) {
	const want = `Example

                          rate                   µs
---  --------  ---------------------  -------------------
one  direct    1010 (1000-1020) x1.25                    -
one  mqttward      410 (400-420) x0.51  9.00 (9.00-9.00) x0.75
one  haproxy       810 (800-820) x1.00  12.0 (12.0-12.0) x1.00
two  direct                50.0 x1.00                    -
two  mqttward              25.0 x0.50                  0.50

A note.
`
	var text strings.Builder
	if err := example().write(&text, false); err != nil {
		t.Fatal(err)
	}
	got, expected := strings.Fields(text.String()), strings.Fields(want)
	for i := range min(len(got), len(expected)) {
		if got[i] != expected[i] && !strings.HasPrefix(expected[i], "--") {
			t.Errorf("word %d: got %q, want %q", i, got[i], expected[i])
		}
	}
	if len(got) != len(expected) {
		t.Errorf("got %d words, want %d:\n%s", len(got), len(expected), text.String())
	}
	var ends []int
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "one") || strings.HasPrefix(line, "two") {
			ends = append(ends, len([]rune(line)))
		}
	}
	for _, end := range ends {
		if end != ends[0] {
			t.Errorf("rows end at %v, want all at one place:\n%s", ends, text.String())
			break
		}
	}
}

func TestMarkdownHasOneCellForEachColumn(t *testing.T) {
	var text strings.Builder
	if err := example().write(&text, true); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		rows++
		if got, want := strings.Count(line, "|"), 5; got != want {
			t.Errorf("line %q: got %d bars, want %d", line, got, want)
		}
	}
	if want := 7; rows != want {
		t.Errorf("got %d lines of a table, want %d:\n%s", rows, want, text.String())
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.456: "0.46", 9.5: "9.50", 12.34: "12.3", 1234.5: "1234", -250.4: "-250", 0: "0"} {
		if got := number(v); got != want {
			t.Errorf("number %v: got %q, want %q", v, got, want)
		}
	}
}
