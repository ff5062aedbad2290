package builtin

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// readCSV reads a table whose first line names its columns, in any order.
func (t *intake) readCSV(in io.Reader) {
	m := &meter{in: in}
	r := csv.NewReader(m)
	r.ReuseRecord = true
	r.FieldsPerRecord = -1 // it is judged here, so that the line can be left out
	names, ok := t.header(r)
	if !ok {
		return
	}
	for {
		m.mark(r.InputOffset())
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		line := 0
		if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
			t.unreadable(syntax.StartLine, fmt.Errorf("not CSV: %w", syntax.Err)) // whole, it would tell too many places
			continue
		}
		if err != nil {
			t.broken(line, err)
			return
		}
		line, _ = r.FieldPos(0)
		if len(cells) != len(names) {
			t.unreadable(line, fmt.Errorf("the line has %d cells, and the first line has %d names", len(cells), len(names)))
			continue
		}
		t.cells(line, names, cells)
	}
}

// header reads the line with the columns' names.
func (t *intake) header(r *csv.Reader) (names []string, ok bool) {
	cells, err := r.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		t.broken(1, err)
		return nil, false
	}
	names = columns(cells)
	for i, name := range names {
		names[i] = t.how.column(name)
	}
	for _, name := range [...]string{columnUser, columnHash} {
		switch {
		case slices.Contains(names, name):
		case name == columnHash && slices.Contains(names, columnClear):
			t.wrong.add(t.file, 1, errClear)
			return nil, false
		default:
			t.wrong.add(t.file, 1, fmt.Errorf("the column %q is missing: the first line must name the columns, as in %s", name, strings.Join(knownColumns[:], ",")))
		}
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			t.wrong.add(t.file, 1, fmt.Errorf("the column %q stands there twice", name))
		}
		if !slices.Contains(knownColumns[:], name) {
			t.unreadable(1, new(row).set(name, ""))
		}
	}
	return names, len(t.wrong.list) == 0
}

// columns are the columns' names without what is around them.
func columns(cells []string) []string {
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = strings.ToLower(strings.Trim(cell, " \t\r\""))
	}
	return names
}

// cells takes the user of one line in.
func (t *intake) cells(line int, names, cells []string) {
	var user row
	for i, name := range names {
		if !slices.Contains(knownColumns[:], name) {
			continue // the header has warned of it
		}
		if err := user.set(name, cells[i]); err != nil {
			t.unreadable(line, err)
			return
		}
	}
	t.row(line, user)
}
