//go:build linux

package main_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"time"

	"mqttward/packets"
)

// caller is somebody who connects, with a verdict that is due whatever happens around.
type caller struct {
	s       *soak
	from    string // its address
	address string // the listener
	tls     *tls.Config
	connect packets.Connect
	want    byte // the CONNACK's code
}

// connectAs is a CONNECT.
func connectAs(v packets.Version, id, user, password string) packets.Connect {
	return packets.Connect{
		Version: v, CleanStart: true, KeepAlive: 60, ClientID: []byte(id),
		HasUserName: true, UserName: []byte(user), HasPassword: true, Password: []byte(password),
	}
}

// addresses are many, one after the other, so that none comes back before its failures are forgotten.
type addresses struct{ used atomic.Uint32 }

func (a *addresses) next() string {
	n := a.used.Add(1) % (64 * 250)
	return fmt.Sprintf("127.2.%d.%d", n/250, 1+n%250)
}

// dial connects and returns the CONNACK's code.
func (c *caller) dial() (*wire, byte, error) {
	dialer := net.Dialer{Timeout: soakPatience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}
	conn, err := dialer.Dial("tcp", c.address)
	if err != nil {
		return nil, 0, err
	}
	conn.SetDeadline(time.Now().Add(soakPatience))
	if c.tls != nil {
		if conn, err = c.handshake(conn); err != nil {
			return nil, 0, err
		}
	}
	w := newWire(conn, c.connect.Version)
	var answer []byte
	if _, err = w.Write(packets.AppendConnect(nil, &c.connect)); err == nil {
		answer, err = w.expect(kindConnack)
	}
	if err != nil {
		w.Close()
		return nil, 0, err
	}
	w.present = answer[0]&1 != 0
	return w, answer[1], nil
}

// handshake counts whether it was resumed.
func (c *caller) handshake(plain net.Conn) (net.Conn, error) {
	conn := tls.Client(plain, c.tls)
	if err := conn.Handshake(); err != nil {
		plain.Close()
		return nil, err
	}
	if conn.ConnectionState().DidResume {
		c.s.tally.tlsResumed.Add(1)
	} else {
		c.s.tally.tlsFull.Add(1)
	}
	return conn, nil
}

// comeAgain are the codes of a broker that can't be reached.
var comeAgain = map[packets.Version]byte{packets.V31: 3, packets.V311: 3, packets.V5: 0x88}

// verdict is dial, again where the address of the broker that it was handed to went before it
// answered: whoever comes when an address is down already must get in by the other. So where a process
// that drains gave the broker its second to answer, on a machine where that was not enough. A verdict
// other than the one wanted is a fault. The connection is returned where that is a success.
func (c *caller) verdict() *wire {
	for {
		begin := time.Now()
		w, code, err := c.dial()
		switch {
		case c.want == 0 && (err != nil || code == comeAgain[c.connect.Version]) && c.s.outages.met(begin):
			c.s.tally.cutConnects.Add(1)
			if err == nil {
				w.Close()
			}
			time.Sleep(10 * time.Millisecond)
			continue
		case c.want == 0 && errors.Is(err, io.EOF) && c.s.upgrades.since(begin):
			c.s.tally.drainedConnects.Add(1)
			continue
		case err != nil:
			c.s.fault("%s: %v: connect: %v", c.connect.ClientID, c.connect.Version, err)
			return nil
		case code != c.want:
			c.s.fault("%s: %v: code %#x, want %#x", c.connect.ClientID, c.connect.Version, code, c.want)
		}
		c.s.tally.verdicts.Add(1)
		if code == 0 && c.want == 0 {
			return w
		}
		w.Close()
		return nil
	}
}

// looksIn comes, for the verdict, and goes.
func (c *caller) looksIn() {
	if w := c.verdict(); w != nil {
		w.Close()
	}
}

// insist is refused again and again until the shift is over.
func (c *caller) insist() {
	for c.s.goesOn() {
		c.from = c.s.strangers.next()
		c.looksIn()
		time.Sleep(rand.N(c.s.form.pause))
	}
}

// slack is how much later than it happened a client may hear of the end of its session.
const slack = 5 * time.Second

// ended judges how a session ended that its client did not end.
func (c *caller) ended(err error, at uint64) {
	lately := time.Now().Add(-slack)
	switch {
	case errors.Is(err, errWrong), errors.Is(err, errTakenOver), errors.Is(err, os.ErrDeadlineExceeded): // whatever ends a session closes it
		c.s.fault("%s: %v: at message %d: %v", c.connect.ClientID, c.connect.Version, at, err)
	case errors.Is(err, errShuttingDown) && c.s.upgrades.since(lately):
		c.s.tally.farewells.Add(1)
		c.s.tally.cutSessions.Add(1)
	case !errors.Is(err, errShuttingDown) && (c.s.upgrades.since(lately) || c.s.outages.since(lately)):
		c.s.tally.cutSessions.Add(1)
	default:
		c.s.fault("%s: %v: at message %d: a live session ended: %v", c.connect.ClientID, c.connect.Version, at, err)
	}
}
