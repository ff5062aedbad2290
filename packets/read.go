package packets

import (
	"fmt"
	"io"
)

const (
	// minReadBuffer is allocated where the caller's buffer can't hold a fixed header. Most
	// CONNECTs with a password fit.
	minReadBuffer = 256
	// maxEmptyReads is how often a reader may return nothing without an error in a row.
	maxEmptyReads = 100
)

// tlsHandshake and tlsMajor begin every record of a TLS hello. A CONNECT can't begin like
// that: its Remaining Length would be 3. (RFC 8446, section 5.1)
const (
	tlsHandshake = 0x16
	tlsMajor     = 0x03
)

// ReadConnect reads from r until it has one whole packet, which must have the type of a
// CONNECT, and returns all that it read: all[:n] is the packet, all[n:] what the client
// sent after it, in order. Clients may do that before they see a CONNACK. [MQTT5 3.1.4]
//
// It reads into buf's capacity, which may be zero, and grows by doubling as bytes arrive,
// never beyond the packet's declared size; what it grows out of is wiped, buf included.
// max bounds the packet's size in bytes, fixed header included.
//
// The error is an [*Error] of category [ErrNotMQTT], as soon as the first byte tells (two
// bytes for TLS), of [ErrTooLarge] or [ErrMalformed], as soon as the fixed header tells; or
// it wraps r's, and then io.EOF stands for a client that sent nothing and
// io.ErrUnexpectedEOF for one that stopped inside the packet. What was read comes back with
// every error, with n zero, for the caller to wipe.
//
// The flags of the fixed header are not judged here: [ParseConnect] does it, once it knows
// whom to tell.
func ReadConnect(r io.Reader, buf []byte, max int) (all []byte, n int, err error) {
	all = buf[:0]
	if cap(all) < 1+maxLengthBytes {
		all = make([]byte, 0, minReadBuffer)
	}
	size := 0
	for empty := 0; empty < maxEmptyReads; {
		if len(all) == cap(all) {
			all = grow(all, size)
		}
		got, readErr := r.Read(all[len(all):cap(all)])
		all = all[:len(all)+got]
		if size, err = connectSize(all, max); err != nil {
			return all, 0, err
		}
		if size > 0 && len(all) >= size {
			return all, size, nil
		}
		if readErr != nil {
			return all, 0, readError(readErr, len(all), size)
		}
		if empty++; got > 0 {
			empty = 0
		}
	}
	return all, 0, readError(io.ErrNoProgress, len(all), size)
}

// connectSize returns the whole size of the CONNECT that b begins with, 0 while unknown.
func connectSize(b []byte, max int) (int, error) {
	if len(b) > 0 && b[0]&typeMask != typeConnect {
		return 0, errNotConnect
	}
	if len(b) > 1 && b[0] == tlsHandshake && b[1] == tlsMajor {
		return 0, errTLS
	}
	size, err := PacketSize(b)
	if err == nil && size > max {
		err = errTooLarge
	}
	return size, err
}

// grow returns b with room for more, but for no more than size, and wipes what b used: it
// may hold half a password.
func grow(b []byte, size int) []byte {
	larger := append(make([]byte, 0, min(2*cap(b), size)), b...)
	clear(b)
	return larger
}

// readError says how far reading came.
func readError(err error, got, size int) error {
	if err == io.EOF && got > 0 {
		err = io.ErrUnexpectedEOF
	}
	if size == 0 {
		return fmt.Errorf("%s of connect: %w", opHeader, err)
	}
	return fmt.Errorf("read connect: %d of %d bytes: %w", got, size, err)
}
