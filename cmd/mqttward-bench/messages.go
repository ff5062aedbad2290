package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// topic is that of all messages.
const topic = "bench/0"

// publish returns a PUBLISH of quality 0 with a payload of so many bytes. [MQTT311 3.3]
func publish(size int) []byte {
	p := []byte{0x30}
	for rest := 2 + len(topic) + size; ; {
		digit := byte(rest & 0x7F)
		if rest >>= 7; rest == 0 {
			p = append(p, digit)
			break
		}
		p = append(p, digit|0x80)
	}
	p = binary.BigEndian.AppendUint16(p, uint16(len(topic)))
	p = append(p, topic...)
	for i := range size { // nothing that a buffer of zeroes could be taken for
		p = append(p, byte(i)|1)
	}
	return p
}

// thereAndBack sends a packet, and reads as much into buf.
func thereAndBack(conn net.Conn, packet, buf []byte) error {
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, buf)
	return err
}

// echo sends one message there and back on each connection held, and looks at what returns.
func (c *clients) echo(o order) (outcome, error) {
	packet := publish(o.Size)
	start := time.Now()
	err := each(len(c.held), workers, func(i int) error {
		conn := c.held[i]
		if err := conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
			return err
		}
		buf := make([]byte, len(packet))
		if err := thereAndBack(conn, packet, buf); err != nil {
			return err
		}
		if !bytes.Equal(buf, packet) {
			return errors.New("echo: what came back is not what was sent")
		}
		return nil
	})
	return outcome{Done: len(c.held), Seconds: time.Since(start).Seconds()}, err
}

// maxDelays bounds the delays that are kept of one order: beyond, it counts on and its
// percentiles are those of its beginning.
const maxDelays = 8 << 20

// streamTimeout bounds a stream: the largest volume at a poor rate.
const streamTimeout = orderTimeout - time.Minute

// stream sends the volume that was told when the connections were made, on each of them, and
// waits until all has arrived.
func (c *clients) stream() (outcome, error) {
	packet := publish(c.o.Size)
	// Small packets go out many at a time: it is not the clients that are measured.
	const batch = 256 << 10
	many := bytes.Repeat(packet, max(1, batch/len(packet)))
	start := time.Now()
	err := each(len(c.held), len(c.held), func(i int) error {
		conn := c.held[i]
		if err := conn.SetDeadline(start.Add(streamTimeout)); err != nil {
			return err
		}
		for rest := c.o.Volume; rest > 0; {
			n, err := conn.Write(many[:min(rest, int64(len(many)))])
			if rest -= int64(n); err != nil {
				return err
			}
		}
		var answer [2]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return err
		}
		if !bytes.Equal(answer[:], pingResponse) {
			return fmt.Errorf("stream: the broker answered %x", answer)
		}
		return nil
	})
	return outcome{Done: int(c.o.Volume) * len(c.held), Seconds: time.Since(start).Seconds()}, err
}
