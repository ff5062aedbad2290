package daemon

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"mqttward/auth"
	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/upstream"
)

// probe is a client that asks the broker whether it would be let in.
type probe struct {
	g        *generation
	address  string
	clientID string
	header   int // the version of the PROXY protocol that is spoken; 0 is none
	// The credentials that every client of ours has, where upstream.credentials gives it the same.
	userName, password []byte
}

// patience is how long an answer is waited for: clients get connack_timeout, and whoever waits for a
// check gets no more than dial_timeout, since there are two tries.
func (p *probe) patience() time.Duration {
	return min(p.g.config.Limits.ConnackTimeout, p.g.config.Limits.DialTimeout)
}

// connect5 sends a CONNECT of MQTT 5.0. The answer is nil where there is none that can be read.
func (p *probe) connect5(ctx context.Context, conn net.Conn) (*paho.Connack, error) {
	return connect5(ctx, conn, greeting5{
		clientID: p.clientID, userName: p.userName, password: p.password, timeout: p.patience(),
	})
}

// examineBroker connects to one address of the broker with MQTT, as a client would through us.
func (g *generation) examineBroker(ctx context.Context, address string) (found findings) {
	p := &probe{
		g: g, address: address, clientID: "mqttward-check-" + strings.ToLower(rand.Text()[:8]),
		header: g.config.Upstream.ProxyProtocol,
	}
	p.takeCredentials()
	name := "broker " + address
	begin := time.Now()
	conn, err := p.dial(ctx)
	if err != nil {
		hint := ""
		if g.config.Upstream.TLS != nil { // below which the header comes
			hint = p.headerHint(ctx, err)
		}
		found.say(Bad, "broker: %v%s", err, hint) // which names the address
		return found
	}
	defer conn.Close()
	took := time.Since(begin).Round(10 * time.Microsecond)
	if secure, ok := conn.(*tls.Conn); ok {
		state := secure.ConnectionState()
		found = append(found, certificate(name+", its certificate", state.PeerCertificates, time.Now())...)
	}
	ack, err := p.connect5(ctx, conn)
	switch {
	case ack != nil:
		found = append(found, p.judge(name, took, ack)...)
	case p.speaks311(ctx):
		found.say(Doubtful, "%s: reached in %v, speaks MQTT 3.1.1 and not 5.0 (%v): clients of 5.0 will not get through", name, took, err)
	default:
		found.say(Bad, "%s: reached in %v, and does not answer a CONNECT: %v%s", name, took, err, p.headerHint(ctx, err))
	}
	return found
}

// takeCredentials takes those of upstream.credentials, where they need no client.
func (p *probe) takeCredentials() {
	c := p.g.policy.Credentials
	if p.g.config.Upstream.Credentials.Mode != config.CredentialsReplace {
		return
	}
	name, err := c.UserName.Append(nil, &auth.Credentials{ClientID: []byte(p.clientID)}, nil)
	if err == nil {
		p.userName, p.password = name, c.Password
	}
}

// dial reaches the one address, within dial_timeout.
func (p *probe) dial(ctx context.Context) (net.Conn, error) {
	one := *p.g.config
	one.Upstream = withHeader(one.Upstream, p.header)
	one.Upstream.Addresses = []string{p.address}
	b := &builder{config: &one, log: NewLogger(config.Log{}, io.Discard)}
	pool := b.upstream(b.upstreamTLS(), nil)
	if pool == nil {
		return nil, b.faults
	}
	reached, err := pool.Dial(ctx, upstream.Client{ID: []byte(p.clientID)})
	if err != nil {
		return nil, err
	}
	if len(reached.Header) > 0 {
		_, err = reached.Conn.Write(reached.Header)
	}
	if err != nil {
		reached.Conn.Close()
		return nil, err
	}
	return reached.Conn, nil
}

// speaks311 reports whether the broker answers a CONNECT of MQTT 3.1.1.
func (p *probe) speaks311(ctx context.Context) bool {
	conn, err := p.dial(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(p.patience()))
	connect := packets.AppendConnect(nil, &packets.Connect{
		Version: packets.V311, CleanStart: true, KeepAlive: 60, ClientID: []byte(p.clientID),
		HasUserName: len(p.userName) > 0, UserName: p.userName, HasPassword: len(p.password) > 0, Password: p.password,
	})
	if _, err := conn.Write(connect); err != nil {
		return false
	}
	var ack [4]byte
	_, err = io.ReadFull(conn, ack[:])
	return err == nil && ack[0] == 0x20 && ack[1] == 2
}

// judge words the broker's answer.
func (p *probe) judge(name string, took time.Duration, ack *paho.Connack) (found findings) {
	said := packets.ReasonCode(ack.ReasonCode).String()
	if ack.Properties != nil && ack.Properties.ReasonString != "" {
		said += fmt.Sprintf(", %q", auth.Display([]byte(ack.Properties.ReasonString)))
	}
	switch {
	case ack.ReasonCode == 0:
		found.say(Good, "%s: reached in %v, accepts a client of MQTT 5.0%s", name, took, limits5(ack.Properties))
	case p.userName != nil:
		found.say(Bad, "%s: reached in %v, and refuses the user of upstream.credentials with 0x%02x (%s)", name, took, ack.ReasonCode, said)
	case p.g.forwards():
		found.say(Doubtful, "%s: reached in %v, and refuses a client without credentials with 0x%02x (%s): it judges clients itself, by what they send through us. "+
			"Let it take everybody from here, or give it a user with [upstream.credentials] mode = \"replace\"", name, took, ack.ReasonCode, said)
	default:
		found.say(Bad, "%s: reached in %v, and refuses a client without credentials with 0x%02x (%s), which is what it gets from us", name, took, ack.ReasonCode, said)
	}
	return found
}

// limits5 are what a broker says that clients must keep to.
func limits5(p *paho.ConnackProperties) string {
	if p == nil {
		return ""
	}
	var said strings.Builder
	if p.MaximumPacketSize != nil {
		fmt.Fprintf(&said, "; packets of %d bytes at most", *p.MaximumPacketSize)
	}
	if p.ReceiveMaximum != nil {
		fmt.Fprintf(&said, "; %d messages in flight", *p.ReceiveMaximum)
	}
	if p.MaximumQoS != nil {
		fmt.Fprintf(&said, "; QoS up to %d", *p.MaximumQoS)
	}
	if p.ServerKeepAlive != nil {
		fmt.Fprintf(&said, "; a keep alive of %d s", *p.ServerKeepAlive)
	}
	if !p.RetainAvailable {
		said.WriteString("; no retained messages")
	}
	return said.String()
}
