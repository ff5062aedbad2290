package packets

// The bounds of a Remaining Length. [MQTT5 1.5.5], [MQTT311 2.2.3]
const (
	maxLengthBytes     = 4
	maxRemainingLength = 1<<(7*maxLengthBytes) - 1 // 268,435,455
)

// typeConnect and its like are the packet types, in the upper four bits of the first byte.
// [MQTT5 2.1.2]
const (
	typeConnect    = 0x10
	typeConnack    = 0x20
	typeDisconnect = 0xE0
	typeMask       = 0xF0
)

// PacketSize returns the size of the whole packet that b begins with, fixed header
// included, or 0 where b ends before the size is known. The error is an [*Error] of
// category [ErrMalformed]: a Remaining Length of five bytes, or of more than it needs.
func PacketSize(b []byte) (n int, err error) {
	if len(b) < 1 {
		return 0, nil
	}
	value, size := varint(b[1:])
	switch {
	case size == 0:
		return 0, nil
	case size > maxLengthBytes:
		return 0, errLengthTooLong
	case size > varintSize(value):
		return 0, errLengthNotMinimal
	}
	return 1 + size + value, nil
}

// varint reads the Variable Byte Integer that b begins with and returns its value and how
// many bytes it takes: 0 where b ends inside it, more than maxLengthBytes where it does not
// end in time. It may take more bytes than needed; the caller asks varintSize.
func varint(b []byte) (value, size int) {
	for i, digit := range b {
		value |= int(digit&0x7F) << (7 * i)
		if digit < 0x80 {
			return value, i + 1
		}
		if i == maxLengthBytes-1 {
			return 0, maxLengthBytes + 1
		}
	}
	return 0, 0
}

// varintSize returns how many bytes v needs as a Variable Byte Integer.
func varintSize(v int) int {
	n := 1
	for v >= 0x80 {
		v >>= 7
		n++
	}
	return n
}

// appendVarint appends v as a Variable Byte Integer.
func appendVarint(dst []byte, v int) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}
