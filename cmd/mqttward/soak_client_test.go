//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"mqttward/packets"
)

// caller is somebody who connects, with a verdict that is due whatever happens around.
type caller struct {
	s       *soak
	from    string // its address
	address string // the listener
	tls     *tls.Config
	connect packets.Connect
	want    byte // the CONNACK's code
}

// dial connects and returns the CONNACK's code.
func (c *caller) dial() (*wire, byte, error) {
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
	conn, err := dialer.Dial("tcp", c.address)
	if err != nil {
		return nil, 0, err
	}
	if c.tls != nil {
		conn = tls.Client(conn, c.tls)
	}
	w := &wire{Conn: conn, in: bufio.NewReaderSize(conn, 512), version: c.connect.Version}
	w.SetDeadline(time.Now().Add(patience))
	var answer []byte
	if _, err = w.Write(packets.AppendConnect(nil, &c.connect)); err == nil {
		answer, err = w.expect(kindConnack)
	}
	if err != nil {
		w.Close()
		return nil, 0, err
	}
	return w, answer[1], nil
}

// comeAgain are the codes of a broker that can't be reached.
var comeAgain = map[packets.Version]byte{packets.V31: 3, packets.V311: 3, packets.V5: 0x88}

// verdict is dial, again where the address of the broker that it was handed to went before it
// answered: whoever comes when an address is down already must get in by the other. A verdict other
// than the one wanted is a fault. The connection is returned where that is a success.
func (c *caller) verdict() *wire {
	for {
		begin := time.Now()
		w, code, err := c.dial()
		switch {
		case c.want == 0 && (err != nil || code == comeAgain[c.connect.Version]) && c.s.outages.met(begin):
			c.s.cutConnects.Add(1)
			if err == nil {
				w.Close()
			}
			time.Sleep(10 * time.Millisecond)
			continue
		case err != nil:
			c.s.fault("%s: %v: connect: %v", c.connect.ClientID, c.connect.Version, err)
			return nil
		case code != c.want:
			c.s.fault("%s: %v: code %#x, want %#x", c.connect.ClientID, c.connect.Version, code, c.want)
		}
		c.s.verdicts.Add(1)
		if code == 0 && c.want == 0 {
			return w
		}
		w.Close()
		return nil
	}
}

// insist is refused again and again until the soak is over.
func (c *caller) insist() {
	for c.s.goesOn() {
		if w := c.verdict(); w != nil {
			w.Close()
		}
		time.Sleep(rand.N(c.s.form.pause))
	}
}

// worker is a client at work: it sends numbered messages to itself. Each session has a client id of its
// own: the embedded broker forgets a client that returns in the moment in which its last session ends.
type worker struct {
	caller
	name        string // the client id without the number of the session
	sessions    int
	acked, sent uint64 // the last numbers
	next        uint64 // the number that comes back next, in this session
}

// work lives through session after session until the soak is over.
func (k *worker) work() {
	time.Sleep(rand.N(k.s.form.pause)) // so that not all come at once
	for k.s.goesOn() {
		k.sessions++
		k.connect.ClientID = fmt.Appendf(nil, "%s/%d", k.name, k.sessions)
		w := k.verdict()
		if w == nil {
			return
		}
		k.s.live.Add(1)
		err := k.session(w)
		k.s.live.Add(-1)
		w.Close()
		lately := time.Now().Add(-time.Second)
		switch {
		case err == nil:
			k.s.sessions.Add(1)
		case errors.Is(err, errWrong), errors.Is(err, os.ErrDeadlineExceeded): // whatever ends a session closes it
			k.s.fault("%s: %v: %v", k.connect.ClientID, k.connect.Version, err)
		case k.s.upgrades.since(lately), k.s.outages.since(lately) && !errors.Is(err, errShuttingDown):
			k.s.cutSessions.Add(1)
		default:
			k.s.fault("%s: %v: at message %d: a live session ended: %v", k.connect.ClientID, k.connect.Version, k.acked, err)
		}
		time.Sleep(rand.N(k.s.form.pause / 4))
	}
}

// session sends some bursts and leaves; or returns how the session ended before.
func (k *worker) session(w *wire) error {
	topic := "soak/" + string(k.connect.ClientID)
	if err := w.subscribe(topic); err != nil {
		return err
	}
	k.next = k.acked + 1
	for range 2 + rand.IntN(10) {
		if err := k.burst(w, topic); err != nil {
			return err
		}
		if err := w.quiet(k.s.form.pause/2 + rand.N(k.s.form.pause)); err != nil {
			return err
		}
		if !k.s.goesOn() {
			break
		}
	}
	_, _ = w.Write([]byte{0xE0, 0})
	return nil
}

// burst sends what the last session left unanswered, and some more, and waits until all has been
// acknowledged and has come back, each once and in order.
func (k *worker) burst(w *wire, topic string) error {
	again := k.sent
	k.sent = max(k.sent, k.acked+1+rand.Uint64N(4))
	var all []byte
	for n := k.acked + 1; n <= k.sent; n++ {
		if n <= again {
			k.s.resent.Add(1)
		}
		all = w.appendPublish(all, topic, n, n <= again)
	}
	w.SetDeadline(time.Now().Add(patience))
	if _, err := w.Write(all); err != nil {
		return err
	}
	for k.acked < k.sent || k.next <= k.sent {
		kind, body, err := w.next()
		switch {
		case err != nil:
			return err
		case kind == kindPuback && len(body) >= 2:
			err = k.acknowledged(body)
		case kind == kindPublish && len(body) >= 2:
			err = k.returned(w, body)
		case kind == kindDisconnect:
			return w.disconnected(body)
		default:
			err = fmt.Errorf("%w: packet %#x", errWrong, kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *worker) acknowledged(body []byte) error {
	id := binary.BigEndian.Uint16(body)
	if k.acked >= k.sent || id != packetID(k.acked+1) || len(body) > 2 && body[2] >= 0x80 {
		return fmt.Errorf("%w: PUBACK % x after message %d", errWrong, body, k.acked)
	}
	k.acked++
	k.s.acked.Add(1)
	return nil
}

func (k *worker) returned(w *wire, body []byte) error {
	id, payload, err := w.published(body)
	if err != nil {
		return err
	}
	if want := numbered(k.next); k.next > k.sent || !bytes.Equal(payload, want) {
		return fmt.Errorf("%w: got a message of %d bytes, % x; want %d bytes, % x", errWrong,
			len(payload), payload[:min(len(payload), 8)], len(want), want[:8])
	}
	k.next++
	k.s.returned.Add(1)
	_, err = w.Write(appendPacket(nil, 0x40, id))
	return err
}
