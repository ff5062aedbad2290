//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
)

// place is where a message stands among those of its sender, which come in that order. A number may
// come again from a later session of the sender, as another message.
type place struct {
	session int
	number  uint64
}

// after reports whether p comes after q.
func (p place) after(q place) bool {
	return p.session > q.session || p.session == q.session && p.number > q.number
}

// receive takes messages for a while.
func (r *resident) receive(w *wire, d time.Duration) error {
	for end := time.Now().Add(d); ; {
		some, err := w.arrives(max(time.Until(end), time.Millisecond))
		if err != nil || !some {
			return err
		}
		if err := r.message(w); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// message takes one message, and acknowledges it.
func (r *resident) message(w *wire) error {
	m, at, err := r.next(w)
	if err != nil {
		return err
	}
	r.answer = at
	_, err = w.Write(appendPacket(nil, 0x40, m.id))
	return err
}

// drain takes what a connection still brings, until it ends.
func (r *resident) drain(w *wire) error {
	w.SetDeadline(time.Now().Add(soakPatience))
	for {
		if _, _, err := r.next(w); err != nil {
			return err
		}
	}
}

// next takes one message.
func (r *resident) next(w *wire) (m publication, at place, err error) {
	kind, body, err := w.next()
	switch {
	case err != nil:
		return m, at, err
	case kind == kindDisconnect:
		return m, at, w.disconnected(body)
	case kind != kindPublish:
		return m, at, fmt.Errorf("%w: packet %#x", errWrong, kind)
	}
	if m, err = w.published(body); err == nil {
		at, err = r.take(m, w.again)
	}
	return m, at, err
}

// take sees that no message is missing before this one, and that it comes twice only where QoS 1
// lets it: where its sender sent it again, or where the broker may not have heard that it came.
func (r *resident) take(m publication, again bool) (at place, err error) {
	_, session, ok := cutTopic(m.topic)
	if !ok || len(m.payload) < 8 {
		return at, fmt.Errorf("%w: % x on %q", errWrong, m.payload, m.topic)
	}
	n := binary.BigEndian.Uint64(m.payload)
	at = place{session, n}
	switch {
	case n > r.seen+1:
		return at, fmt.Errorf("%w: message %d has come, and before it only %d", errWrong, n, r.seen)
	case !bytes.Equal(m.payload, numbered(n)):
		return at, fmt.Errorf("%w: not the message %d that was sent", errWrong, n)
	case !at.after(r.read):
		return at, fmt.Errorf("%w: message %v has come again, and all up to %v were acknowledged", errWrong, at, r.read)
	case n == r.seen+1:
		r.seen = n
		r.s.tally.kept.Add(1)
	case again:
		r.s.tally.redelivered.Add(1)
	default:
		r.doubled++
	}
	return at, nil
}
