package builtin

import (
	"bytes"
	"fmt"
	"io"
)

// maxRow bounds the memory for what a reader has to hold at once, such as a text whose closing
// quote is missing.
const maxRow = 1 << 20

var errLongRow = fmt.Errorf("something has more than %d bytes: is a quote or a bracket missing?", maxRow)

// meter passes a file on to a decoder, finds its lines, and ends where the decoder holds too much.
type meter struct {
	in     io.Reader
	passed int64   // bytes
	done   int64   // the bytes that the decoder is through with
	ends   []int64 // of lines
	behind int     // how many of these are before done
	before int     // how many lines are before those
}

// Read reads from the file.
func (m *meter) Read(p []byte) (int, error) {
	if m.passed-m.done > maxRow {
		return 0, errLongRow
	}
	n, err := m.in.Read(p)
	for at := 0; ; at++ {
		i := bytes.IndexByte(p[at:n], '\n')
		if i < 0 {
			break
		}
		at += i
		m.ends = append(m.ends, m.passed+int64(at))
	}
	m.passed += int64(n)
	return n, err
}

// mark says that the decoder is through with what is before offset, which must grow.
func (m *meter) mark(offset int64) {
	m.done = offset
	for m.behind < len(m.ends) && m.ends[m.behind] < offset-1 {
		m.behind++
	}
	if m.behind > len(m.ends)/2 { // seldom enough that the copies cost nothing
		m.before += m.behind
		m.ends = m.ends[:copy(m.ends, m.ends[m.behind:])]
		m.behind = 0
	}
}

// line marks offset, and returns the number of the line that has the byte before it.
func (m *meter) line(offset int64) int {
	m.mark(offset)
	return m.before + m.behind + 1
}
