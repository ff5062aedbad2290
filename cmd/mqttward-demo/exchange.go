package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mqttward/packets"
)

// The first bytes of the packets that the client sends, and the types of those it gets.
const (
	headPublish    = 0x32 // QoS 1
	headSubscribe  = 0x82
	headDisconnect = 0xe0

	typePublish = 3
	typePubAck  = 4
	typeSubAck  = 9
)

// packetID is the one packet identifier that the client uses.
const packetID = 1

// maxPacket bounds what the client reads.
const maxPacket = 64 << 10

// publish publishes a message with QoS 1, and waits until the broker has it.
func (c *client) publish(topic, message string) error {
	body := appendText(nil, topic)
	body = binary.BigEndian.AppendUint16(body, packetID)
	body = append(c.appendNoProperties(body), message...)
	if err := c.send(headPublish, body); err != nil {
		return fmt.Errorf("send PUBLISH: %w", err)
	}
	ack, err := c.read()
	switch {
	case err != nil:
		return fmt.Errorf("read PUBACK: %w", err)
	case ack[0]>>4 != typePubAck:
		return fmt.Errorf("read PUBACK: a packet of type %d came", ack[0]>>4)
	}
	return nil
}

// subscribe subscribes to a topic, and waits for the message want on it.
func (c *client) subscribe(topic, want string) error {
	body := binary.BigEndian.AppendUint16(nil, packetID)
	body = appendText(c.appendNoProperties(body), topic)
	if err := c.send(headSubscribe, append(body, 0)); err != nil { // QoS 0
		return fmt.Errorf("send SUBSCRIBE: %w", err)
	}
	for {
		p, err := c.read()
		if err != nil {
			return fmt.Errorf("wait for a message: %w", err)
		}
		switch p[0] >> 4 {
		case typeSubAck:
			if code := p[len(p)-1]; code >= 0x80 {
				return fmt.Errorf("subscribe: the broker refused with 0x%02x", code)
			}
		case typePublish:
			got, err := c.payload(p)
			if err == nil && string(got) != want {
				err = fmt.Errorf("the message is %q, not %q", got, want)
			}
			return err
		}
	}
}

func (c *client) disconnect() error {
	if err := c.send(headDisconnect, nil); err != nil {
		return fmt.Errorf("send DISCONNECT: %w", err)
	}
	return nil
}

var errShort = errors.New("a PUBLISH that is too short")

// payload returns the payload of a PUBLISH with QoS 0.
func (c *client) payload(p []byte) ([]byte, error) {
	_, n := binary.Uvarint(p[1:])
	rest := p[1+n:]
	if len(rest) < 2 {
		return nil, errShort
	}
	topic := int(binary.BigEndian.Uint16(rest))
	if rest = rest[2:]; len(rest) < topic {
		return nil, errShort
	}
	rest = rest[topic:]
	if c.version == packets.V5 {
		size, n := binary.Uvarint(rest)
		if n <= 0 || uint64(len(rest)-n) < size {
			return nil, errShort
		}
		rest = rest[n+int(size):]
	}
	return rest, nil
}

// read returns the next packet, which is never empty.
func (c *client) read() ([]byte, error) {
	for have := 2; ; have++ {
		head, err := c.reader.Peek(have)
		if err != nil {
			return nil, err
		}
		size, err := packets.PacketSize(head)
		switch {
		case err != nil:
			return nil, err
		case size > maxPacket:
			return nil, fmt.Errorf("a packet of %d bytes", size)
		case size > 0:
			p := make([]byte, size)
			_, err := io.ReadFull(c.reader, p)
			return p, err
		}
	}
}

// send writes a packet. The Variable Byte Integer of MQTT is Go's uvarint.
func (c *client) send(head byte, body []byte) error {
	p := binary.AppendUvarint([]byte{head}, uint64(len(body)))
	_, err := c.conn.Write(append(p, body...))
	return err
}

// appendNoProperties appends an empty list of properties, where the version has one.
func (c *client) appendNoProperties(b []byte) []byte {
	if c.version == packets.V5 {
		b = append(b, 0)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
