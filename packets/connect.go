package packets

import (
	"fmt"
	"strings"
)

// Connect is a client's CONNECT. Its slices alias the frame that was parsed: they are valid
// as long as the frame is and must not be changed in place; to rewrite a CONNECT, copy the
// struct and put other slices into it. Fields that the packet does not have are zero.
//
// It formats itself without anything that a client sent as text, under every verb of
// package fmt and in JSON, so that no log shows a password or a token in a user name.
type Connect struct {
	// Version is the protocol level without the bridge bit.
	Version Version
	// Bridge is the bridge bit of the protocol level. Mosquitto's bridges set it.
	Bridge bool
	// CleanStart is Clean Session in 3.x.
	CleanStart bool
	// KeepAlive is in seconds; zero switches it off.
	KeepAlive uint16

	// ClientID is the client identifier; it may be empty.
	ClientID []byte

	// Will says that there is a will; the other will fields have no meaning without it.
	Will       bool
	WillQoS    byte
	WillRetain bool
	// WillProperties are the will's properties in 5.0, raw and without their length.
	WillProperties []byte
	// WillTopic is not empty and has no wildcards.
	WillTopic []byte
	// WillPayload may be empty, and is any bytes.
	WillPayload []byte

	// UserName is meaningful only where HasUserName is true; it may be empty even then.
	HasUserName bool
	UserName    []byte
	// Password is meaningful only where HasPassword is true; it may be empty even then, and
	// is any bytes. It may come without a user name in every version.
	HasPassword bool
	Password    []byte

	// Properties are CONNECT's properties in 5.0, raw and without their length. The fields
	// below are read from them, and are not written again from there.
	Properties []byte
	// MaximumPacketSize is the size of the largest packet that the client takes, in bytes;
	// zero means no limit. [MQTT5 3.1.2-24]
	MaximumPacketSize uint32
	// RequestProblemInformation says whether the client wants reason strings. It is true
	// where the client says nothing, and in 3.x. [MQTT5 3.1.2.11.7]
	RequestProblemInformation bool
	// AuthenticationMethod is meaningful only where HasAuthenticationMethod is true.
	// [MQTT5 3.1.2.11.9]
	HasAuthenticationMethod bool
	AuthenticationMethod    []byte

	// headerFlags and spareFlags are the bits of the fixed header and of the connect flags
	// that 3.1 tells receivers to disregard, kept so that the packet can be written again
	// as it came. spareFlags also holds the flags of a user name and password that are
	// missing.
	headerFlags, spareFlags byte
}

// The connect flags. [MQTT5 3.1.2.3], [MQTT311 3.1.2.3]
const (
	flagReserved   = 1 << 0
	flagCleanStart = 1 << 1
	flagWill       = 1 << 2
	willQoSShift   = 3
	maskWillQoS    = 3 << willQoSShift
	flagWillRetain = 1 << 5
	flagPassword   = 1 << 6
	flagUserName   = 1 << 7
)

// String tells the packet's shape, and nothing that the client sent as text.
func (c Connect) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "CONNECT %v, client id of %d bytes", c.Version, len(c.ClientID))
	if c.HasUserName {
		s.WriteString(", user name")
	}
	if c.HasPassword {
		s.WriteString(", password")
	}
	if c.Will {
		fmt.Fprintf(&s, ", will of qos %d", c.WillQoS)
	}
	fmt.Fprintf(&s, ", keep alive %d s", c.KeepAlive)
	return s.String()
}

// Format prints String under every verb, %x, %d and %#v included.
func (c Connect) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// MarshalText returns String, so that encoders of structured logs print no secret either.
func (c Connect) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
