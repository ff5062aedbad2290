package daemon

import (
	"fmt"
	"net"

	"mqttward/packets"
)

// maxAnswer bounds a packet of the broker's to a client of our own: a CONNACK with all of its
// properties is shorter.
const maxAnswer = 64 << 10

// answers is a connection to the broker for a client of our own, whose packets are bounded: package
// paho sets as much memory aside as a packet says that it has, up to 256 MiB, before any of it has come.
// A server that speaks something else than MQTT says so by accident.
type answers struct {
	net.Conn
	framer packets.Framer
}

func (a *answers) Read(p []byte) (int, error) {
	n, err := a.Conn.Read(p)
	if _, lost := a.framer.Advance(p[:n]); lost != nil {
		return 0, lost
	}
	if rest := a.framer.Rest(); rest > maxAnswer {
		return 0, fmt.Errorf("the broker announces a packet of %d bytes: is it one of MQTT?", rest)
	}
	return n, err
}
