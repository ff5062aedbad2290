package relay

import (
	"time"

	"mqttward/proxy/socket"
)

// parting is what a circuit needs to end.
type parting struct {
	cause Cause
	vigil vigil
	// last are the packets that the directions are to end with, by the side where they begin;
	// empty ones end them wherever they stand. They count once ended is set.
	last  [2][]byte
	ended bool // from outside
}

// part notes why the session ends, unless something else was first, and has the loop look after
// it from now on.
func (c *circuit) part(cause Cause) {
	if c.parting != nil {
		return
	}
	c.parting = &parting{cause: cause, vigil: newVigil(c.loop.clock, time.Duration(c.halfClose)*time.Millisecond)}
	c.loop.parting = append(c.loop.parting, c)
}

// End implements [Link].
func (c *circuit) End(f Farewell) { c.loop.post(order{c: c, farewell: &f}) }

// Kill implements [Link].
func (c *circuit) Kill(cause Cause) { c.loop.post(order{c: c, kill: cause}) }

// end ends the session from outside.
func (c *circuit) end(f *Farewell) {
	if c.over {
		return
	}
	c.part(f.Cause)
	p := c.parting
	if p.ended {
		return
	}
	p.ended = true
	down := f.Down
	if !c.connected || c.limit != 0 && uint64(len(down)) > uint64(c.limit) {
		down = nil
	}
	// Both are asked before either ends, since the end of one may bring that of the other.
	p.last = [2][]byte{client: f.Up, upstream: down}
	for i := range c.sides {
		c.sides[i].flags |= asked
	}
	for i := range c.sides {
		c.trySeal(1 - i)
	}
}

// kill closes both sides at once.
func (c *circuit) kill(cause Cause) {
	if c.over {
		return
	}
	c.part(cause)
	c.parting.cause = cause
	c.close()
}

// lastPacket is what the direction from side i is to end with; empty where nothing is to be
// inserted.
func (c *circuit) lastPacket(i int) []byte {
	if !c.sides[i].is(asked) {
		return nil
	}
	return c.parting.last[i]
}

// trySeal ends the direction from side i as it was asked to, if it stands at a boundary, or
// needs none.
func (c *circuit) trySeal(i int) {
	if last := c.lastPacket(i); !c.over && (len(last) == 0 || c.sides[i].at()) {
		c.seal(i, last)
	}
}

// look sees to a session that has begun to end and does not finish by itself.
func (c *circuit) look(now time.Time) {
	p := progress{
		up: c.sides[client].bytes.Load(), down: c.sides[upstream].bytes.Load(),
		toClient: c.outstanding(client), toUpstream: c.outstanding(upstream),
		sealed: c.sides[client].is(sealed) && c.sides[upstream].is(sealed),
		ended:  c.parting.ended,
	}
	giveUp, abort := c.parting.vigil.look(now, p)
	if giveUp {
		c.parting.last = [2][]byte{}
		c.trySeal(client)
		c.trySeal(upstream)
	}
	if abort {
		c.close()
	}
}

// outstanding is how many bytes side k's peer has yet to acknowledge, those that are held
// included.
func (c *circuit) outstanding(k int) int {
	return socket.Unacknowledged(int(c.sides[k].fd)) + c.sides[1-k].held.len()
}
