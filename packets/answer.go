package packets

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// AppendConnack appends a CONNACK without a session to dst and returns it: 20 02 00 code in
// 3.1 and 3.1.1, 20 03 00 code 00 in 5.0. A version that is not served is answered in the
// 3.1.1 form. reason becomes the Reason String in 5.0, unless it is empty or no string of
// MQTT ([ValidString]); whether the client wants one, and whether the packet fits the
// client's Maximum Packet Size, is the caller's to judge. [MQTT5 3.2.2-19], [MQTT5 3.1.2-24]
func AppendConnack(dst []byte, v Version, code ReasonCode, reason string) []byte {
	const noSession = 0
	if v != V5 {
		return append(dst, typeConnack, 2, noSession, byte(code))
	}
	size := 1 + 2 + len(reason) // of the properties
	if reason == "" || len(reason) > MaxString || !utf8.ValidString(reason) || strings.IndexByte(reason, 0) >= 0 {
		size = 0
	}
	dst = append(dst, typeConnack)
	dst = appendVarint(dst, 2+varintSize(size)+size)
	dst = append(dst, noSession, byte(code))
	dst = appendVarint(dst, size)
	if size == 0 {
		return dst
	}
	dst = append(dst, propReasonString)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(reason)))
	return append(dst, reason...)
}

// AppendDisconnect appends a DISCONNECT of MQTT 5.0 without properties to dst and returns
// it: E0 02 code 00. A server may send one only after a CONNACK of [Success]
// [MQTT5 3.14.0-1], and none at all in 3.x.
func AppendDisconnect(dst []byte, code ReasonCode) []byte {
	return append(dst, typeDisconnect, 2, byte(code), 0)
}
