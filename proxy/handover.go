package proxy

import (
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
)

// handOver dials the broker, gives it the CONNECT and what followed it, and starts the relay.
func (c *connection) handOver(all []byte, n int) *refusal {
	connect, r := c.forUpstream()
	if r != nil {
		return r
	}
	reached, r := c.dial()
	if r != nil {
		return r
	}
	broker := reached.Conn
	c.address = reached.Address
	c.tellWaits(c.pass, broker)
	session := c.newSession()
	if !c.srv.roster.begin(session, c, broker) {
		broker.Close()
		c.address.Release()
		return &refusal{reason: auth.ShuttingDown}
	}
	c.recheck(session)
	h := c.hello(connect, all, n)
	reached, answer, r := c.present(session, reached, h)
	h.wipe()
	if r != nil {
		session.abandon()
		return r
	}
	session.sent = uint64(len(h.all))
	broker = reached.Conn
	c.conn.SetDeadline(time.Time{})
	c.tellWaits(nil, c.socket, broker) // the relay's waits are its own
	pair := relay.Pair{
		Client: c.conn, Upstream: broker, Early: answer,
		MaximumPacketSize: c.connect.MaximumPacketSize,
		HalfCloseTimeout:  c.policy.Limits.HalfCloseTimeout,
		Owner:             session,
	}
	_, _ = pair.UpFramer.Advance(all[n:]) // an error stays with the framer
	c.logAccepted()
	c.srv.observer.Connected(c.listener.Name, c.connect.Version)
	c.srv.roster.handOver(c)
	session.start(c, pair)
	return nil
}

// forUpstream is the CONNECT that the broker gets. That of whom nobody has let in is its own: it gets
// none of our credentials.
func (c *connection) forUpstream() (*packets.Connect, *refusal) {
	if c.spared {
		return &c.connect, nil
	}
	return c.policy.Credentials.rewrite(&c.connect, &c.creds, c.verdict)
}
