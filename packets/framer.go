package packets

// Framer follows the boundaries between packets in a stream that is passed on in pieces of
// any size. It looks at fixed headers only. The zero value stands at a boundary. It is a
// few bytes, holds no reference, and is not safe for concurrent use.
type Framer struct {
	body   uint32 // bytes of the current packet's body still to come
	length uint32 // the Remaining Length as far as it was read
	state  framerState
	first  byte // of the current packet, or at a boundary of the last
}

// framerState is the number of bytes of the fixed header that were read; zero between
// packets and inside a body.
type framerState uint8

// lost is the state after a Remaining Length that can't be.
const lost framerState = 0xFF

// Errors of a stream that can't be followed. Its packets are not looked into, so that no
// version is known.
var errStreamLength = &Error{Code: MalformedPacket, Field: "remaining length",
	Problem: "more than four bytes", Statement: "[MQTT5 1.5.5]",
	operation: "follow packets", category: ErrMalformed}

// Advance follows p, the next piece of the stream. It returns the offset in p just after
// the last packet that ends in p, or -1 where none ends in it.
//
// The error is an [*Error] of category [ErrMalformed], for a Remaining Length of five bytes;
// last then still tells of the packets before it. From then on Advance returns -1 and that
// error. A Remaining Length of more bytes than needed is followed: the boundary is where
// both ends see it, and the receiver judges the packet.
func (f *Framer) Advance(p []byte) (last int, err error) {
	last = -1
	for i := 0; i < len(p); {
		if f.body > 0 {
			n := min(len(p)-i, int(f.body))
			i += n
			if f.body -= uint32(n); f.body == 0 {
				last = i
			}
			continue
		}
		if f.state == lost {
			break
		}
		if f.state == 0 && i+1 < len(p) && p[i+1] < 0x80 { // the most usual header, whole
			f.first, f.body = p[i], uint32(p[i+1])
			if i += 2; f.body == 0 {
				last = i
			}
			continue
		}
		f.header(p[i])
		i++
		if f.AtBoundary() {
			last = i
		}
	}
	if f.state == lost {
		return last, errStreamLength
	}
	return last, nil
}

// header takes one byte of a fixed header.
func (f *Framer) header(b byte) {
	if f.state == 0 { // type and flags
		f.first, f.state = b, 1
		return
	}
	f.length |= uint32(b&0x7F) << (7 * (f.state - 1))
	switch {
	case b < 0x80:
		f.body, f.length, f.state = f.length, 0, 0
	case f.state == maxLengthBytes:
		f.state = lost
	default:
		f.state++
	}
}

// AtBoundary reports whether the stream stands between two packets, which is where another
// one may be put in.
func (f *Framer) AtBoundary() bool { return f.body == 0 && f.state == 0 }

// Disconnected reports whether the stream stands at a boundary, and the last packet was a DISCONNECT:
// nothing may follow. [MQTT5 3.14.4-2]
func (f *Framer) Disconnected() bool { return f.AtBoundary() && f.first&typeMask == typeDisconnect }

// Rest returns how many bytes of the current packet's body are still to come: as many may be
// passed on unseen, and told by Skip. It is zero inside a fixed header.
func (f *Framer) Rest() uint32 { return f.body }

// Skip follows n bytes of the current packet's body that nobody looked at: at most Rest.
func (f *Framer) Skip(n uint32) { f.body -= min(n, f.body) }
