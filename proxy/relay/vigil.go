package relay

import "time"

const (
	// boundaryWait is how long a last packet waits for a packet boundary.
	boundaryWait = time.Second
	// settleTime is how long an ended session stays open after all of it was acknowledged,
	// so that a peer reads the last packet before it could see a reset.
	settleTime = time.Second
	// watchInterval is how often a session that ends is looked at.
	watchInterval = 100 * time.Millisecond
)

// vigil judges a session that has begun to end, by looking at it every watchInterval: whether
// it still waits for a boundary, and whether it still moves.
type vigil struct {
	halfClose time.Duration
	before    progress
	moved     time.Time // when before was last different
	ended     time.Time // when the session was found ended from outside
}

// progress is what moves while a session still delivers something.
type progress struct {
	up, down             uint64
	toClient, toUpstream int  // bytes that were not acknowledged
	sealed               bool // both directions
	ended                bool // from outside
}

func newVigil(now time.Time, halfClose time.Duration) vigil {
	return vigil{halfClose: halfClose, moved: now}
}

// look takes what has become of the session. giveUp says that no last packet is to be waited for
// any longer, and abort that both sides are to be closed now.
func (v *vigil) look(now time.Time, p progress) (giveUp, abort bool) {
	if p != v.before {
		v.moved = now
		if p.ended && !v.before.ended {
			v.ended = now
		}
		v.before = p
	}
	giveUp = p.ended && !p.sealed && now.Sub(v.ended) >= boundaryWait
	return giveUp, now.Sub(v.moved) >= v.patience(p)
}

// patience is how long the session may stay as p has it. Dropped bytes are no progress: a
// side that we no longer listen to can't keep a session open.
func (v *vigil) patience(p progress) time.Duration {
	if p.ended && p.sealed && p.toClient == 0 && p.toUpstream == 0 {
		return min(settleTime, v.halfClose)
	}
	return v.halfClose
}
