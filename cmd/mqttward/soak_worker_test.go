//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// worker is a client at work: it sends numbered messages, to itself or to a resident. Each session has
// a client id of its own: the embedded broker forgets a client that returns in the moment in which its
// last session ends.
type worker struct {
	caller
	name     string // the client id is goodID, this, and the number of the session
	to       string // the first part of its topics
	echo     bool   // it subscribes to them
	sessions int
	acked    atomic.Uint64 // the last number that the broker has
	sent     uint64        // the last number
	resent   int64         // messages
	next     uint64        // the number that comes back next, in this session
}

// work lives through session after session until the shift is over.
func (k *worker) work() {
	time.Sleep(rand.N(k.s.form.pause)) // so that not all come at once
	for k.s.goesOn() {
		k.sessions++
		k.connect.ClientID = fmt.Appendf(nil, "%s%s/%d", goodID, k.name, k.sessions)
		w := k.verdict()
		if w == nil {
			return
		}
		k.s.live.Add(1)
		err := k.session(w)
		k.s.live.Add(-1)
		w.Close()
		if err == nil {
			k.s.tally.sessions.Add(1)
		} else {
			k.ended(err, k.acked.Load())
		}
		time.Sleep(rand.N(k.s.form.pause / 4))
	}
}

// session sends some bursts and leaves; or returns how the session ended before.
func (k *worker) session(w *wire) error {
	topic := fmt.Sprintf("%s/%s/%d", k.to, k.name, k.sessions)
	if k.echo {
		if err := w.subscribe(topic); err != nil {
			return err
		}
	}
	k.next = k.acked.Load() + 1
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
// acknowledged and, where it comes back, has, each once and in order.
func (k *worker) burst(w *wire, topic string) error {
	again, acked := k.sent, k.acked.Load()
	k.sent = max(k.sent, acked+1+rand.Uint64N(4))
	var all []byte
	for n := acked + 1; n <= k.sent; n++ {
		if n <= again {
			k.resent++
			k.s.tally.resent.Add(1)
		}
		all = w.appendPublish(all, topic, n, n <= again)
	}
	w.SetDeadline(time.Now().Add(soakPatience))
	if _, err := w.Write(all); err != nil {
		return err
	}
	for k.acked.Load() < k.sent || k.echo && k.next <= k.sent {
		kind, body, err := w.next()
		switch {
		case err != nil:
			return err
		case kind == kindPuback && len(body) >= 2:
			err = k.acknowledged(body)
		case kind == kindPublish && k.echo:
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
	id, acked := binary.BigEndian.Uint16(body), k.acked.Load()
	if acked >= k.sent || id != packetID(acked+1) || len(body) > 2 && body[2] >= 0x80 {
		return fmt.Errorf("%w: PUBACK % x after message %d", errWrong, body, acked)
	}
	k.acked.Add(1)
	k.s.tally.acked.Add(1)
	return nil
}

func (k *worker) returned(w *wire, body []byte) error {
	m, err := w.published(body)
	if err != nil {
		return err
	}
	if want := numbered(k.next); k.next > k.sent || w.again || !bytes.Equal(m.payload, want) {
		return fmt.Errorf("%w: got a message of %d bytes, % x; want %d bytes, % x", errWrong,
			len(m.payload), m.payload[:min(len(m.payload), 8)], len(want), want[:8])
	}
	k.next++
	k.s.tally.returned.Add(1)
	_, err = w.Write(appendPacket(nil, 0x40, m.id))
	return err
}
