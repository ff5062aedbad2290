package builtin

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
)

// Directory holds the users of one file, by name, in little memory: a record of about a hundred
// bytes each, and ten to twenty for finding it. There are no pointers in it that the garbage
// collector would have to follow. It is made by [ReadFile], immutable from then on, and safe for
// concurrent use. Nothing prints what is in it.
type Directory struct {
	redacted
	file   string
	form   Format
	seed   maphash.Seed
	count  int
	chunks [][]byte // of records: name and hash with their lengths, line
	// slots find a record by its name, with open addressing: the upper bits are the upper bits
	// of the name's hash, the lower ones the record's place plus one. 0 is a free slot.
	slots  []uint64
	census census
	room   []byte // for add
}

const (
	// A chunk's size bounds what is copied when it grows, and is more than the longest record.
	chunkBits = 20
	placeBits = 48
	placeMask = 1<<placeBits - 1
	minSlots  = 16
)

func newDirectory(file string) *Directory {
	return &Directory{file: file, seed: maphash.MakeSeed(), slots: make([]uint64, minSlots), census: census{}}
}

// File is the file's name, as [ReadFile] was told it.
func (d *Directory) File() string { return d.file }

// FileFormat is the file's format: that of its content, where it was not given.
func (d *Directory) FileFormat() Format { return d.form }

// Len is how many users there are.
func (d *Directory) Len() int { return d.count }

// All are the users, in the file's order.
func (d *Directory) All() iter.Seq[User] {
	return func(yield func(User) bool) {
		for _, chunk := range d.chunks {
			for len(chunk) > 0 {
				r := record(chunk)
				name, hash, line := r.next()
				if !yield(User{Name: string(name), Hash: readStored(hash), File: d.file, Line: line}) {
					return
				}
				chunk = r
			}
		}
	}
}

// records are the names and stored hashes of all. The slices are the directory's own.
func (d *Directory) records() iter.Seq2[[]byte, []byte] {
	return func(yield func(name, stored []byte) bool) {
		for _, chunk := range d.chunks {
			for r := record(chunk); len(r) > 0; {
				if name, stored, _ := r.next(); !yield(name, stored) {
					return
				}
			}
		}
	}
}

// lookup finds a user.
func (d *Directory) lookup(name []byte) (h Hash, ok bool) {
	_, hash, ok := d.find(name)
	if !ok {
		return nil, false
	}
	return readStored(hash), true
}

// line is where the user is in the file; 0 where there is no such user.
func (d *Directory) line(name string) int {
	line, _, _ := d.find([]byte(name))
	return line
}

func (d *Directory) find(name []byte) (line int, hash []byte, ok bool) {
	sum := maphash.Bytes(d.seed, name)
	for at := d.first(sum); d.slots[at] != 0; at = d.after(at) {
		if d.slots[at]>>placeBits != sum>>placeBits {
			continue
		}
		r := d.record(d.slots[at])
		if got, hash, line := r.next(); string(got) == string(name) {
			return line, hash, true
		}
	}
	return 0, nil, false
}

// add takes a user in, whose name must not be there yet.
func (d *Directory) add(name string, h Hash, line int) {
	if 4*(d.count+1) > 3*len(d.slots) {
		d.grow()
	}
	d.room = h.appendStored(d.room[:0])
	hash := d.room
	size := len(name) + len(hash) + 3*binary.MaxVarintLen32
	last := len(d.chunks) - 1
	if last < 0 || len(d.chunks[last])+size > 1<<chunkBits {
		var chunk []byte
		if last >= 0 { // the first one is as large as it must be
			chunk = make([]byte, 0, 1<<chunkBits)
		}
		d.chunks = append(d.chunks, chunk)
		last++
	}
	place := uint64(last)<<chunkBits | uint64(len(d.chunks[last]))
	d.chunks[last] = appendRecord(d.chunks[last], name, hash, line)
	d.put(maphash.String(d.seed, name), place+1)
	d.count++
	d.census.count(h)
}

// put notes a record's place in the first free slot for its name.
func (d *Directory) put(sum, place uint64) {
	at := d.first(sum)
	for d.slots[at] != 0 {
		at = d.after(at)
	}
	d.slots[at] = sum&^placeMask | place
}

// grow doubles the slots.
func (d *Directory) grow() {
	old := d.slots
	d.slots = make([]uint64, 2*len(old))
	for _, slot := range old {
		if slot != 0 {
			r := d.record(slot)
			name, _, _ := r.next()
			d.put(maphash.Bytes(d.seed, name), slot&placeMask)
		}
	}
}

func (d *Directory) first(sum uint64) int { return int(sum & uint64(len(d.slots)-1)) }
func (d *Directory) after(at int) int     { return (at + 1) & (len(d.slots) - 1) }

// record returns the records from the one that a slot, not free, tells the place of.
func (d *Directory) record(slot uint64) record {
	place := slot&placeMask - 1
	return record(d.chunks[place>>chunkBits][place&(1<<chunkBits-1):])
}

// record is a chunk from the beginning of a record on.
type record []byte

func appendRecord(b []byte, name string, hash []byte, line int) []byte {
	b = binary.AppendUvarint(b, uint64(len(name)))
	b = append(b, name...)
	b = binary.AppendUvarint(b, uint64(len(hash)))
	b = append(b, hash...)
	return binary.AppendUvarint(b, uint64(line))
}

// next takes one record off. The slices are the directory's own.
func (r *record) next() (name, hash []byte, line int) {
	name = r.take(r.number())
	hash = r.take(r.number())
	return name, hash, r.number()
}

func (r *record) number() int {
	n, width := binary.Uvarint(*r)
	*r = (*r)[width:]
	return int(n)
}

func (r *record) take(n int) []byte {
	b := (*r)[:n:n]
	*r = (*r)[n:]
	return b
}
