package proxy

import (
	"context"
	"time"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// Drain says how the sessions end in [Server.Shutdown]. The zero value ends all of them at once.
type Drain struct {
	// Over is the time until none may be left. They end evenly in its course, all but its last
	// part, in which those that end last have theirs. Zero ends all of them at once.
	Over time.Duration
	// Quiet sends the broker a clean MQTT DISCONNECT at the end of each session, where a packet
	// boundary comes, so that it does not publish the will. [MQTT5 3.1.2-10]
	Quiet bool
}

const (
	// drainTick is how often sessions are ended: several at once, where there are more.
	drainTick = 10 * time.Millisecond
	// connackGrace is how long a session whose turn it is waits for the broker's CONNACK, so that
	// its client is not cut without a word: as long as a last packet waits for its boundary.
	connackGrace = time.Second
)

// tail is the last part of a drain, in which nobody's turn comes any more. A session takes a second
// for a packet boundary or its CONNACK and another one until all is acknowledged; where the drain
// is long there is room for peers that have vanished, whom half_close_timeout waits for.
func (d Drain) tail() time.Duration {
	const least, most = 2 * time.Second, 12 * time.Second
	return min(d.Over/2, max(least, min(d.Over/10, most)))
}

// due is how many of n sessions have had their turn, some time after the drain began.
func (d Drain) due(n int, after time.Duration) int {
	over := d.Over - d.tail()
	if after >= over {
		return n
	}
	return min(n, 1+int(float64(n)*(float64(after)/float64(over))))
}

// endEvenly has sessions end in the course of time that d has, until ctx ends.
func endEvenly(ctx context.Context, sessions []*session, d Drain, end func(*session)) {
	began := time.Now()
	ticker := time.NewTicker(drainTick)
	defer ticker.Stop()
	for ended := 0; ; {
		for due := d.due(len(sessions), time.Since(began)); ended < due; ended++ {
			end(sessions[ended])
			sessions[ended] = nil // it is to be forgotten as it ends
		}
		if ended == len(sessions) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// drainTurn is whether a session's turn to end has come while the server shuts down.
type drainTurn uint32

const (
	notYet drainTurn = iota
	itsTurn
	itsQuietTurn
)

// cleanDisconnect is a client's DISCONNECT of any version: in 5.0 without a reason code it is a
// normal one. [MQTT5 3.14.2.1]
var cleanDisconnect = []byte{0xE0, 0}

// drain ends the session, its turn having come: at once where the broker has answered its CONNECT,
// else when it does, or after connackGrace.
func (s *session) drain(quiet bool) {
	t := itsTurn
	if quiet {
		t = itsQuietTurn
	}
	s.turn.Store(uint32(t))
	// Connack notes the answer before it looks whose turn it is, and we do so the other way round:
	// one of us sees both.
	if s.connacked.Load() {
		s.endTurn()
		return
	}
	s.awaitConnack()
}

// awaitConnack gives the broker a moment. Before the relay has started nothing is waited for: start
// looks whose turn it is once there is something.
func (s *session) awaitConnack() {
	if w := s.waits.Load(); w != nil {
		s.srv.wheel.set(&w.timer, time.Now().Add(connackGrace))
	}
}

// endTurn ends a session whose turn has come, and reports whether it has.
func (s *session) endTurn() bool {
	t := drainTurn(s.turn.Load())
	if t == notYet {
		return false
	}
	f := relay.Farewell{Cause: relay.Drained}
	if s.version == packets.V5 {
		f.Down = serverShuttingDown
	}
	if t == itsQuietTurn {
		f.Up = cleanDisconnect
	}
	s.withLink(func(l relay.Link) { l.End(f) })
	return true
}
