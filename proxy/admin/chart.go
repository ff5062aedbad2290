package admin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// chart is a picture of the refusals of late: a bar for each span, with a part for each reason.
// Its unit is a pixel of an SVG.
type chart struct {
	Left, Top     int // where it begins: above and left of the bars there is room for text
	Width, Height int
	Bars          int // the width of all bars
	Base          int // the y of the line below them
	Most          int // refusals of the highest bar
	Parts         []part
	Marks         []mark
	Legend        []legend
}

// part is a reason's share of a bar.
type part struct {
	X, Y, W, H int
	Class      string // that colours it
	Title      string
}

// mark is a word below the bars.
type mark struct {
	X    int
	Text string
}

// legend is a reason, and how many refusals of late it has.
type legend struct {
	Class, Reason string
	Count         int
}

const (
	barWidth, barGap = 26, 6
	barsHeight       = 120
	marksHeight      = 20
	left, top        = 44, 8
	// colours is how many reasons have one of their own; the rest share the last.
	colours = 7
	others  = "others"
	// marksApart is how many spans there are between two marks: two minutes.
	marksApart = 4
)

// newChart draws what there was in each span.
func newChart(st refusalsStatus) chart {
	bars := len(st.Spans)*(barWidth+barGap) - barGap
	c := chart{
		Left: -left, Top: -top, Width: left + bars, Height: top + barsHeight + marksHeight,
		Bars: bars, Base: barsHeight,
	}
	c.Legend = newLegend(st.Spans)
	for _, s := range st.Spans {
		c.Most = max(c.Most, sum(s.ByReason))
	}
	for i, s := range st.Spans {
		x := i * (barWidth + barGap)
		c.bar(x, s)
		if i%marksApart == 0 {
			c.Marks = append(c.Marks, mark{x, s.Start.Format("15:04")})
		}
	}
	return c
}

// bar draws one span. The parts are rounded together, so that they fill the bar.
func (c *chart) bar(x int, s spanStatus) {
	counts := map[string]int{}
	for reason, n := range s.ByReason {
		counts[c.legendOf(reason)] += n
	}
	below, bottom := 0, c.Base
	for _, l := range c.Legend {
		n := counts[l.Reason]
		if n == 0 {
			continue
		}
		below += n
		top := c.Base - max(1, below*barsHeight/c.Most)
		c.Parts = append(c.Parts, part{
			X: x, Y: min(top, bottom-1), W: barWidth, H: max(1, bottom-top), Class: l.Class,
			Title: fmt.Sprintf("%s: %d from %s UTC", l.Reason, n, s.Start.Format("15:04:05")),
		})
		bottom = min(top, bottom-1)
	}
}

// legendOf is the reason, or "others" where it has no colour of its own.
func (c *chart) legendOf(reason string) string {
	if slices.ContainsFunc(c.Legend, func(l legend) bool { return l.Reason == reason }) {
		return reason
	}
	return others
}

// newLegend orders the reasons by how many refusals they have.
func newLegend(spans []spanStatus) []legend {
	counts := map[string]int{}
	for _, s := range spans {
		for reason, n := range s.ByReason {
			counts[reason] += n
		}
	}
	var all []legend
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, legend{Reason: reason, Count: counts[reason]})
	}
	slices.SortStableFunc(all, func(a, b legend) int { return cmp.Compare(b.Count, a.Count) })
	if len(all) > colours {
		rest := legend{Reason: others}
		for _, l := range all[colours-1:] {
			rest.Count += l.Count
		}
		all = append(all[:colours-1], rest)
	}
	for i := range all {
		all[i].Class = fmt.Sprintf("c%d", i)
	}
	return all
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
