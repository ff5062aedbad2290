package proxy

import (
	"net"
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
	upstream := reached.Conn
	c.address = reached.Address
	c.tellWaits(c.pass, upstream)
	session := c.newSession()
	if !c.srv.roster.begin(session, c, upstream) {
		upstream.Close()
		c.address.Release()
		return &refusal{reason: auth.ShuttingDown}
	}
	var err error
	if session.sent, err = c.sendConnect(upstream, connect, all, n); err != nil {
		session.abandon()
		upstream.Close()
		return &refusal{reason: auth.UpstreamUnavailable, err: err}
	}
	c.conn.SetDeadline(time.Time{})
	c.tellWaits(nil, c.socket, upstream) // the relay's waits are its own
	pair := relay.Pair{
		Client: c.conn, Upstream: upstream,
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
// many bytes that were.
func (c *connection) sendConnect(upstream net.Conn, connect *packets.Connect, all []byte, n int) (uint64, error) {
	out := all
	if connect != &c.connect {
		out = packets.AppendConnect(make([]byte, 0, len(all)+len(connect.UserName)+len(connect.Password)), connect)
		out = append(out, all[n:]...)
		defer clear(out)
	}
	upstream.SetWriteDeadline(time.Now().Add(connectWriteTimeout))
	if _, err := upstream.Write(out); err != nil {
		return 0, err
	}
	return uint64(len(out)), upstream.SetWriteDeadline(time.Time{})
}
