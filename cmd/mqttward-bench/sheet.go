package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// sheet collects what one sub-command measured.
type sheet struct {
	title  string
	notes  []string // below the table
	column []string // what is measured, with its unit
	chart  []string // those of the columns that a chart shows
	cases  []string // in the order in which they came
	routes []string
	values map[cell][]float64 // one for each round
}

// cell is a place of a sheet.
type cell struct{ of, route, column string }

// sample is what was measured once, by column. A column that it lacks has no figure there.
type sample map[string]float64

// add notes what one round measured of a case on a route.
func (s *sheet) add(of, route string, measured sample) {
	if s.values == nil {
		s.values = map[cell][]float64{}
	}
	if !slices.Contains(s.cases, of) {
		s.cases = append(s.cases, of)
	}
	if !slices.Contains(s.routes, route) {
		s.routes = append(s.routes, route)
	}
	for column, v := range measured {
		c := cell{of, route, column}
		s.values[c] = append(s.values[c], v)
	}
}

// write prints the sheet.
func (s *sheet) write(w io.Writer, markdown bool) error {
	heading := "%s\n\n"
	if markdown {
		heading = "### %s\n\n"
	}
	if _, err := fmt.Fprintf(w, heading, s.title); err != nil {
		return err
	}
	if err := s.table().write(w, markdown); err != nil {
		return err
	}
	for _, note := range s.notes {
		if _, err := fmt.Fprintf(w, "\n%s\n", note); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

func (s *sheet) table() table {
	t := table{header: append([]string{"", ""}, s.column...)}
	for _, of := range s.cases {
		for _, route := range s.routes {
			row := []string{of, route}
			measured := false
			for _, column := range s.column {
				text := s.text(cell{of, route, column})
				measured = measured || text != nothing
				row = append(row, text)
			}
			if measured {
				t.rows = append(t.rows, row)
			}
		}
	}
	return t
}

// nothing stands where there is no figure.
const nothing = "-"

// text returns a cell's median, its least and greatest value, and its ratio to haproxy or,
// where there is no haproxy, to no proxy at all.
func (s *sheet) text(c cell) string {
	values := s.values[c]
	if len(values) == 0 {
		return nothing
	}
	middle := median(values)
	text := number(middle)
	if len(values) > 1 {
		text += fmt.Sprintf(" (%s-%s)", number(slices.Min(values)), number(slices.Max(values)))
	}
	if base := s.base(c); base != 0 && !math.IsNaN(base) {
		text += fmt.Sprintf(" x%.2f", middle/base)
	}
	return text
}

// base returns what a cell's ratio is to, NaN where there is nothing.
func (s *sheet) base(c cell) float64 {
	for _, route := range []string{routeHAProxy, routeDirect} {
		c.route = route
		if values := s.values[c]; len(values) > 0 {
			return median(values)
		}
	}
	return math.NaN()
}

// number prints about three digits, and all before the point. Nothing at all is 0.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := 2
	switch size := math.Abs(v); {
	case size >= 100:
		digits = 0
	case size >= 10:
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}
