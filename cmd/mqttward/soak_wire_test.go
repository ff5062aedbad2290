//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"mqttward/packets"
)

// wire is a connection of a client of the soak: MQTT as far as the soak needs it, cheap enough for
// thousands of them.
type wire struct {
	net.Conn
	in      *bufio.Reader
	version packets.Version
	again   bool // the packet that next has read has the flag DUP
	present bool // CONNACK said so of the session
}

func newWire(conn net.Conn, v packets.Version) *wire {
	return &wire{Conn: conn, in: bufio.NewReaderSize(conn, 512), version: v}
}

// The packets that a client of the soak gets, by the first half of their first byte.
const (
	kindConnack    = 0x2
	kindPublish    = 0x3
	kindPuback     = 0x4
	kindSuback     = 0x9
	kindDisconnect = 0xE
)

// next reads a whole packet.
func (w *wire) next() (kind byte, body []byte, err error) {
	first, err := w.in.ReadByte()
	if err != nil {
		return 0, nil, err
	}
	size, err := binary.ReadUvarint(w.in)
	if err != nil {
		return 0, nil, err
	}
	if size > 1<<20 {
		return 0, nil, fmt.Errorf("a packet of %d bytes, beginning with %#x", size, first)
	}
	w.again = first&8 != 0
	body = make([]byte, size)
	_, err = io.ReadFull(w.in, body)
	return first >> 4, body, err
}

// expect reads a packet, which must be of a kind and not shorter than two bytes.
func (w *wire) expect(kind byte) ([]byte, error) {
	got, body, err := w.next()
	switch {
	case err != nil:
		return nil, err
	case got == kindDisconnect:
		return nil, w.disconnected(body)
	case got != kind || len(body) < 2:
		return nil, fmt.Errorf("%w: got packet %#x with % x, want %#x", errWrong, got, body[:min(len(body), 16)], kind)
	}
	return body, nil
}

// errShuttingDown and errTakenOver are the ends of a session by DISCONNECT 0x8B and 0x8E; errWrong is
// what no session may see.
var (
	errShuttingDown = errors.New("DISCONNECT 0x8b")
	errTakenOver    = errors.New("DISCONNECT 0x8e")
	errWrong        = errors.New("wrong")
)

// disconnected is the error of a DISCONNECT.
func (w *wire) disconnected(body []byte) error {
	if w.version == packets.V5 && len(body) > 0 {
		switch body[0] {
		case 0x8B:
			return errShuttingDown
		case 0x8E:
			return errTakenOver
		}
	}
	return fmt.Errorf("%w: DISCONNECT % x", errWrong, body)
}

// appendPacket appends a packet with a fixed header.
func appendPacket(dst []byte, first byte, body []byte) []byte {
	dst = append(dst, first)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// noProperties are the properties of a packet that has none.
func (w *wire) noProperties(dst []byte) []byte {
	if w.version == packets.V5 {
		return append(dst, 0)
	}
	return dst
}

// subscribe subscribes to a topic with QoS 1.
func (w *wire) subscribe(topic string) error {
	body := append(appendString(w.noProperties([]byte{0, 1}), topic), 1)
	if _, err := w.Write(appendPacket(nil, 0x82, body)); err != nil {
		return err
	}
	answer, err := w.expect(kindSuback)
	if err == nil && answer[len(answer)-1] != 1 {
		err = fmt.Errorf("%w: SUBACK % x", errWrong, answer)
	}
	return err
}

// packetID is the packet identifier of a message.
func packetID(number uint64) uint16 { return uint16(1 + number%65535) }

// appendPublish appends message number of a client, QoS 1.
func (w *wire) appendPublish(dst []byte, topic string, number uint64, again bool) []byte {
	body := binary.BigEndian.AppendUint16(appendString(nil, topic), packetID(number))
	body = append(w.noProperties(body), numbered(number)...)
	first := byte(0x32)
	if again {
		first |= 8
	}
	return appendPacket(dst, first, body)
}

// publication is a PUBLISH with QoS 1.
type publication struct {
	topic       string
	id, payload []byte
}

// published takes a PUBLISH with QoS 1 apart.
func (w *wire) published(body []byte) (publication, error) {
	if len(body) < 2 {
		return publication{}, fmt.Errorf("%w: PUBLISH % x", errWrong, body)
	}
	rest := 2 + int(binary.BigEndian.Uint16(body))
	if len(body) < rest+3 {
		return publication{}, fmt.Errorf("%w: PUBLISH % x", errWrong, body[:min(len(body), 64)])
	}
	m := publication{topic: string(body[2:rest]), id: body[rest : rest+2], payload: body[rest+2:]}
	if w.version == packets.V5 {
		m.payload = m.payload[min(len(m.payload), 1+int(m.payload[0])):] // a broker's properties are few
	}
	return m, nil
}

// numbered is the payload of message number: the number, and bytes that follow from it. Every 64th is
// longer than a buffer of the relay.
func numbered(number uint64) []byte {
	size := 8 + int(number*37%200)
	if number%64 == 63 {
		size = 40_000
	}
	p := binary.BigEndian.AppendUint64(make([]byte, 0, size), number)
	return append(p, bytes.Repeat([]byte{byte(number)}, size-8)...)
}

// quiet waits, and returns an error where anything comes meanwhile, or the connection ends.
func (w *wire) quiet(d time.Duration) error {
	some, err := w.arrives(d)
	if err == nil && some {
		if _, err = w.expect(0); err == nil { // nothing is kind 0
			err = errWrong
		}
	}
	return err
}

// arrives waits for something to come, and reports whether it did.
func (w *wire) arrives(d time.Duration) (bool, error) {
	w.SetReadDeadline(time.Now().Add(d))
	_, err := w.in.Peek(1)
	w.SetDeadline(time.Now().Add(soakPatience))
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return false, nil
	}
	return err == nil, err
}
