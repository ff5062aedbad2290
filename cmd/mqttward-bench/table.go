package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// table is text in columns, the first two of which are words and the rest figures.
type table struct {
	header []string
	rows   [][]string
}

// wordColumns is the number of columns that are set to the left.
const wordColumns = 2

// write prints the table, fixed in width, or as Markdown that is legible as it stands.
func (t table) write(w io.Writer, markdown bool) error {
	widths := t.widths()
	var text strings.Builder
	t.line(&text, t.header, widths, markdown)
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
		if markdown && i >= wordColumns {
			rule[i] = strings.Repeat("-", n-1) + ":"
		}
	}
	t.line(&text, rule, widths, markdown)
	for _, row := range t.rows {
		t.line(&text, row, widths, markdown)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// widths returns the widest cell of each column, in characters.
func (t table) widths() []int {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (t table) line(text *strings.Builder, row []string, widths []int, markdown bool) {
	cells := make([]string, len(row))
	for i, cell := range row {
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < wordColumns {
			cells[i] = cell + space
		} else {
			cells[i] = space + cell
		}
	}
	if markdown {
		fmt.Fprintf(text, "| %s |\n", strings.Join(cells, " | "))
		return
	}
	text.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
}
