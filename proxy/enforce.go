package proxy

import (
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"math/bits"

	"mqttward/auth"
)

// Where a listener enforces for some of its clients or for none, the others are observed: they are
// judged, the verdict is logged and counted, and whom the chain would refuse is let through. What
// is no judgement of the chain is enforced as ever: packets, versions, authentication methods,
// limits, and the end of the server.
//
//   - The CONNECT of a client that would be refused goes up byte for byte, whatever the policy of
//     credentials says: our own credentials are not for those whom nobody has let in.
//   - It has no identity: nothing was proven.
//   - No session of an observed client ends with its proof, whether or not it would be refused:
//     nobody is to notice that a policy is tried.
//   - Busy, which the chain says where hashing takes too long, is let through too: whoever would
//     be refused at worst is no more than who is not judged.

// Enforcement says for which share of a listener's clients the chain's verdict holds. The zero
// value observes all.
type Enforcement struct {
	// Percent is the share of client ids, 0 to 99, for which it holds. The same ids are in it each
	// time, in every process, and those of a smaller share are in each larger one. It is no
	// protection: clients choose their ids.
	Percent int
}

// buckets are what Percent counts.
const buckets = 100

// HoldsFor reports whether a client id is in the share.
func (e Enforcement) HoldsFor(clientID []byte) bool {
	if e.Percent <= 0 {
		return false
	}
	sum := sha256.Sum256(clientID)
	bucket, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), buckets)
	return bucket < uint64(e.Percent)
}

// enforced reports whether the chain's verdict holds for c.
func (c *connection) enforced() bool {
	e, partly := c.policy.Enforcement[c.listener.Name]
	return !partly || e.HoldsFor(c.creds.ClientID)
}

// spare lets c through, which the chain would refuse for r.
func (c *connection) spare(r *refusal) {
	if l, ok := r.limit(); ok {
		c.srv.observer.Limited(l)
	}
	c.srv.observer.Spared(c.shownRefusal(r, 0, false))
	c.spared = true
	c.verdict.Identity = auth.Identity{} // nothing was proven, whatever a stage says
}

// logSpared tells of a client that the chain would have refused.
func (c *connection) logSpared() {
	l := c.who()
	if c.verdict.Stage != "" {
		l.with(slog.String("stage", c.verdict.Stage))
	}
	l.with(slog.String("verdict", auth.Deny.String()), slog.String("reason", c.verdict.Reason.String()))
	if c.verdict.Detail != "" {
		l.with(slog.String("detail", c.verdict.Detail))
	}
	l.with(slog.String("upstream", c.address.Name)).since(c.accepted).log(c.srv, slog.LevelInfo, "connected, would be refused")
}
