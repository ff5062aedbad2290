//go:build linux

package main_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"mqttward/packets"
)

// resident is a client whose session outlives its connections: what a sender sends to it while it is
// away must be there when it comes back. It leaves in order, or without a word, or another connection
// with its client id takes its session over.
type resident struct {
	caller
	sender *worker
	known  bool // the broker has its subscription

	seen    uint64 // all messages up to this number have come
	answer  place  // the last that was acknowledged by the last connection
	read    place  // the last that the broker has heard to be acknowledged
	came    time.Time
	parting bool  // it left in order
	doubled int64 // messages that came again, and not because of a session that was resumed
}

// place is where a message stands among those of its sender, which come in that order: a session later
// one may come that was sent before.
type place struct {
	session int
	number  uint64
}

// after reports whether p comes after q.
func (p place) after(q place) bool {
	return p.session > q.session || p.session == q.session && p.number > q.number
}

// live comes and goes until the shift is over, and then waits for the last message.
func (r *resident) live() {
	var sending sync.WaitGroup
	defer sending.Wait()
	w := r.arrive()
	if w == nil {
		return
	}
	sending.Go(r.sender.work)
	for r.s.goesOn() {
		if w == nil {
			if w = r.arrive(); w == nil {
				return
			}
		}
		w = r.stay(w)
	}
	sending.Wait()
	r.finish(w)
}

// stay is there for a while, and returns the connection that it goes on with, nil for none.
func (r *resident) stay(w *wire) *wire {
	if err := r.receive(w, r.s.form.pause+rand.N(r.s.form.pause)); err != nil {
		w.Close()
		r.ended(err, r.seen)
		return nil
	}
	way := rand.IntN(3)
	if way == 0 {
		return r.overtake(w)
	}
	if way == 1 {
		r.leave(w)
	}
	w.Close()
	time.Sleep(rand.N(r.s.form.pause))
	return nil
}

// leave leaves in order, and waits for the end: a close with something unread is a reset, by which the
// broker may lose what it has yet to read.
func (r *resident) leave(w *wire) {
	r.parting = true
	_, _ = w.Write([]byte{0xE0, 0})
	if err := r.drain(w); errors.Is(err, errWrong) || errors.Is(err, os.ErrDeadlineExceeded) {
		r.s.fault("%s: %v: after DISCONNECT: %v", r.connect.ClientID, r.connect.Version, err)
	}
	w.Close()
}

// arrive comes back to the session.
func (r *resident) arrive() *wire {
	r.connect.CleanStart = false
	if r.connect.Version == packets.V5 {
		r.connect.Properties = []byte{0x11, 0, 0, 0x0E, 0x10} // the session ends an hour after its connection
	}
	if r.parting && !r.s.outages.since(r.came) && !r.s.upgrades.since(r.came) {
		r.read = r.answer // nothing can have been on a way that was cut
	}
	r.came = time.Now()
	r.answer = r.read
	due := r.sender.acked.Load()
	r.parting = false
	w := r.verdict()
	if w == nil {
		return nil
	}
	if r.connect.Version != packets.V31 && w.present != r.known { // 3.1 does not tell
		r.s.fault("%s: %v: session present is %v, want %v", r.connect.ClientID, r.connect.Version, w.present, r.known)
	}
	if !r.known {
		if err := w.subscribe("kept/" + r.sender.name + "/+"); err != nil {
			w.Close()
			r.ended(err, 0)
			return r.arrive()
		}
		r.known = true
		return w
	}
	r.s.tally.resumed.Add(1)
	r.s.tally.queued.Add(int64(due - min(due, r.seen))) // which will come, or be missed
	return w
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
	kind, body, err := w.next()
	switch {
	case err != nil:
		return err
	case kind == kindDisconnect:
		return w.disconnected(body)
	case kind != kindPublish:
		return fmt.Errorf("%w: packet %#x", errWrong, kind)
	}
	m, err := w.published(body)
	if err != nil {
		return err
	}
	at, err := r.take(m, w.again)
	if err != nil {
		return err
	}
	r.answer = at
	_, err = w.Write(appendPacket(nil, 0x40, m.id))
	return err
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

// overtake comes by another connection, by which the first one must end, and goes on with it. The
// broker may tell an MQTT 5.0 client why; mosquitto 2.0.11 does not.
func (r *resident) overtake(old *wire) *wire {
	w := r.arrive()
	err := r.drain(old)
	old.Close()
	if errors.Is(err, errWrong) || errors.Is(err, os.ErrDeadlineExceeded) {
		r.s.fault("%s: %v: taken over, the first connection: %v", r.connect.ClientID, r.connect.Version, err)
	}
	if w != nil {
		r.s.tally.takenOver.Add(1)
	}
	return w
}

// drain takes what a connection still brings, until it ends.
func (r *resident) drain(w *wire) error {
	w.SetDeadline(time.Now().Add(soakPatience))
	for {
		kind, body, err := w.next()
		switch {
		case err != nil:
			return err
		case kind == kindDisconnect:
			return w.disconnected(body)
		case kind != kindPublish:
			return fmt.Errorf("%w: packet %#x", errWrong, kind)
		}
		m, err := w.published(body)
		if err == nil {
			_, err = r.take(m, w.again)
		}
		if err != nil {
			return err
		}
	}
}

// finish waits for the last message that the sender was told the broker has.
func (r *resident) finish(w *wire) {
	want := r.sender.acked.Load()
	for end := time.Now().Add(soakPatience); r.seen < want && r.s.faults.Load() == 0; {
		if w == nil {
			if w = r.arrive(); w == nil {
				return
			}
		}
		if err := r.receive(w, 100*time.Millisecond); err != nil {
			w.Close()
			r.ended(err, r.seen)
			w = nil
		}
		if time.Now().After(end) {
			r.s.fault("%s: %v: message %d of %d never came", r.connect.ClientID, r.connect.Version, r.seen+1, want)
			break
		}
	}
	if w != nil {
		r.leave(w)
	}
}
