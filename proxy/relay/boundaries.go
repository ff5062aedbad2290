package relay

import "mqttward/packets"

// boundaries follows the packets of one direction.
type boundaries struct {
	framer packets.Framer
	// lost is set when the stream broke the format: no boundary will ever be known.
	lost bool
}

// follow follows the next bytes, and returns the offset just after the last packet that ends in
// them: -1 where none does, or where the stream can't be framed.
func (b *boundaries) follow(p []byte) int {
	if b.lost {
		return -1
	}
	boundary, err := b.framer.Advance(p)
	if err != nil {
		b.lost = true
		return -1
	}
	return boundary
}

// at reports whether the stream stands between two packets.
func (b *boundaries) at() bool { return !b.lost && b.framer.AtBoundary() }
