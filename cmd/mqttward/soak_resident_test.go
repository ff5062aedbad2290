//go:build linux

package main_test

import (
	"errors"
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
			if w = r.comeBack(); w == nil {
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
	r.parting = false
	w := r.verdict()
	if w == nil {
		return nil
	}
	if r.known && !w.present && r.connect.Version != packets.V31 { // 3.1 does not tell
		r.s.fault("%s: %v: the broker has no session any more", r.connect.ClientID, r.connect.Version)
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
	return w
}

// comeBack arrives after a while without a connection.
func (r *resident) comeBack() *wire {
	due := r.sender.acked.Load()
	if r.known {
		r.s.tally.queued.Add(int64(due - min(due, r.seen))) // which will come, or be missed
	}
	return r.arrive()
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

// finish waits for the last message that the sender was told the broker has.
func (r *resident) finish(w *wire) {
	want := r.sender.acked.Load()
	for end := time.Now().Add(soakPatience); r.seen < want && r.s.faults.Load() == 0; {
		if w == nil {
			if w = r.comeBack(); w == nil {
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
