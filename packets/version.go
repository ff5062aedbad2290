package packets

import "strconv"

// Version is the level of the MQTT protocol that a client speaks, without the bridge bit.
// The zero value means that it is not known.
type Version byte

// The versions that are served.
const (
	V31  Version = 3
	V311 Version = 4
	V5   Version = 5
)

// String returns the version as people write it: "3.1", "3.1.1", "5.0". The zero value is
// "unknown"; any other level is told by its number.
func (v Version) String() string {
	switch v {
	case 0:
		return "unknown"
	case V31:
		return "3.1"
	case V311:
		return "3.1.1"
	case V5:
		return "5.0"
	}
	return "level " + strconv.Itoa(int(v))
}

// The protocol names, as they stand in CONNECT behind their length.
const (
	protocolName   = "MQTT"   // [MQTT311 3.1.2.1], [MQTT5 3.1.2.1]
	protocolName31 = "MQIsdp" // [MQTT31 CONNECT]
)

// bridgeBit is set in the protocol level by a bridge that wants to be treated as one, such
// as mosquitto's. It is no part of any specification.
const bridgeBit = 0x80
