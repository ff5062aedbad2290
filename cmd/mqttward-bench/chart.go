package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"math"
	"strings"
)

// bar is a figure of a route as a ratio to haproxy's.
type bar struct {
	route string
	ratio float64
}

// barGroup is what was measured of one case in one column.
type barGroup struct {
	label string
	bars  []bar
}

// chartRoutes are those that a chart can show, and their colours, which can be told apart on
// white and on black.
var chartRoutes = []struct{ name, colour string }{
	{routeMqttward, "#2f81f7"}, {routeUring, "#3fb950"}, {routeEpoll, "#a371f7"}, {routeGoroutine, "#c2571a"},
	{routeNginx, "#8b949e"}, {routeSplice, "#b58900"},
}

// The layout, in pixels.
const (
	chartWidth  = 760
	chartLabels = 340 // the width of the words on the left
	chartScale  = 150 // the length of the ratio 1
	chartCap    = 2.2 // longer bars are cut here, and have their number all the same
	chartBar    = 9
	chartStep   = 11 // from a bar to the next
	chartGap    = 4  // between two groups
	chartTitle  = 28
	chartTop    = 50 // where the sheets begin, below title and legend
)

// groups returns what a chart shows of a sheet.
func (s *sheet) groups() (list []barGroup) {
	for _, column := range s.chart {
		for _, of := range s.cases {
			g := barGroup{label: of + ": " + column}
			base := median(s.values[cell{of, routeHAProxy, column}])
			for _, r := range chartRoutes {
				ratio := median(s.values[cell{of, r.name, column}]) / base
				if base > 0 && ratio >= 0 && !math.IsInf(ratio, 0) { // which NaN is not
					g.bars = append(g.bars, bar{r.name, ratio})
				}
			}
			if len(g.bars) > 0 {
				list = append(list, g)
			}
		}
	}
	return list
}

// drawChart returns an SVG image of the ratios to haproxy. It needs nothing beside itself, and
// brings its background, so that it is legible on any page.
func drawChart(sheets []*sheet) ([]byte, error) {
	var body bytes.Buffer
	y, shown := chartTop, map[string]bool{}
	for _, s := range sheets {
		groups := s.groups()
		if len(groups) == 0 {
			continue
		}
		title, _, _ := strings.Cut(s.title, ":")
		y += chartTitle
		fmt.Fprintf(&body, `<text class="title" x="12" y="%d">%s</text>`+"\n", y-10, html.EscapeString(title))
		for _, g := range groups {
			y = g.draw(&body, y, shown)
		}
	}
	if len(shown) == 0 {
		return nil, errors.New("there is no ratio to haproxy to be drawn")
	}
	const one = chartLabels + chartScale
	var all bytes.Buffer
	fmt.Fprintf(&all, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="Ratios to haproxy">`+"\n", chartWidth, y+chartStep)
	all.WriteString(chartStyle)
	fmt.Fprintf(&all, `<rect class="page" width="%d" height="%d"/>`+"\n", chartWidth, y+chartStep)
	all.WriteString(`<text class="title" x="12" y="20">Ratios to haproxy: shorter is better, but for rates (MB/s)</text>` + "\n")
	drawLegend(&all, shown)
	fmt.Fprintf(&all, `<line class="one" x1="%d" y1="%d" x2="%[1]d" y2="%[3]d"/>`+"\n", one, chartTop, y)
	all.Write(body.Bytes())
	all.WriteString("</svg>\n")
	return all.Bytes(), nil
}

const chartStyle = `<style>
text { font: 10px sans-serif; fill: #24292f }
.title { font-size: 12px; font-weight: bold }
.page { fill: #ffffff }
.one { stroke: #57606a; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.one { stroke: #9198a1 }
}
</style>
`

// draw writes a group's bars from y on, and returns where the next begin.
func (g barGroup) draw(w *bytes.Buffer, y int, shown map[string]bool) int {
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartLabels-8, y+chartBar-1, html.EscapeString(g.label))
	for _, b := range g.bars {
		length := int(math.Round(math.Min(b.ratio, chartCap) * chartScale))
		fmt.Fprintf(w, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, chartLabels, y, length, chartBar, colour(b.route))
		fmt.Fprintf(w, `<text x="%d" y="%d">%.2f</text>`+"\n", chartLabels+length+5, y+chartBar-1, b.ratio)
		shown[b.route] = true
		y += chartStep
	}
	return y + chartGap
}

// drawLegend names the routes that are shown.
func drawLegend(w *bytes.Buffer, shown map[string]bool) {
	x := 12
	for _, r := range chartRoutes {
		if !shown[r.name] {
			continue
		}
		fmt.Fprintf(w, `<rect x="%d" y="32" width="10" height="10" fill="%s"/><text x="%d" y="41">%s</text>`+"\n", x, r.colour, x+14, r.name)
		x += 34 + 7*len(r.name)
	}
}

func colour(route string) string {
	for _, r := range chartRoutes {
		if r.name == route {
			return r.colour
		}
	}
	return ""
}
