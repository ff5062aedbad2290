package relay

import "mqttward/packets"

// boundaries follows the packets of one direction.
type boundaries struct{ framer packets.Framer }

// follow follows the next bytes, and returns the offset just after the last packet that ends in
// them: -1 where none does, or where the stream can't be framed.
func (b *boundaries) follow(p []byte) int {
	boundary, err := b.framer.Advance(p)
	if err != nil {
		return -1
	}
	return boundary
}

// at reports whether the stream stands between two packets.
func (b *boundaries) at() bool { return b.framer.AtBoundary() }
