package proxy

import (
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy/relay"
	"mqttward/proxy/upstream"
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
	var err error
	if session.sent, err = c.sendConnect(reached, connect, all, n); err != nil {
		session.abandon()
		broker.Close()
		return &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	c.conn.SetDeadline(time.Time{})
	c.tellWaits(nil, c.socket, broker) // the relay's waits are its own
	pair := relay.Pair{
		Client: c.conn, Upstream: broker,
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

// connectWriteTimeout bounds the write of CONNECT to a broker that was reached: the kernel
// takes it at once, unless it is large and the broker slow.
const connectWriteTimeout = 5 * time.Second

// sendConnect writes CONNECT, as it came or rewritten, and what followed it, and returns how
// many bytes that were. The header that the broker wants before it goes in the same write.
func (c *connection) sendConnect(to upstream.Connection, connect *packets.Connect, all []byte, n int) (uint64, error) {
	out := all
	if connect != &c.connect || len(to.Header) > 0 {
		out = make([]byte, 0, len(to.Header)+len(all)+len(connect.UserName)+len(connect.Password))
		out = append(out, to.Header...)
		if connect != &c.connect {
			out = packets.AppendConnect(out, connect)
			out = append(out, all[n:]...)
		} else {
			out = append(out, all...)
		}
		defer clear(out)
	}
	to.Conn.SetWriteDeadline(time.Now().Add(connectWriteTimeout))
	if _, err := to.Conn.Write(out); err != nil {
		return 0, err
	}
	return uint64(len(out) - len(to.Header)), to.Conn.SetWriteDeadline(time.Time{})
}
