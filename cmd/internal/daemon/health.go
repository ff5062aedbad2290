package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	pahopackets "github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"mqttward/packets"
	"mqttward/proxy/upstream"
)

// checks says how the broker's addresses are looked after.
func (b *builder) checks() upstream.Checks {
	h := b.config.Upstream.Health
	if h == nil {
		return upstream.Checks{}
	}
	c := upstream.Checks{Interval: h.Interval, Timeout: h.Timeout, Rise: h.Rise, Fall: h.Fall}
	if h.UserName != "" {
		g := greeting5{userName: []byte(h.UserName), password: h.Password.Reveal(), timeout: h.Timeout}
		c.Check = g.accepted
	}
	return c
}

// greeting5 is a CONNECT of MQTT 5.0 of our own.
type greeting5 struct {
	clientID           string // empty: a new one each time
	userName, password []byte // empty: none
	timeout            time.Duration
}

// accepted reports why the broker at the other end of conn does not let us in; nil where it does.
func (g greeting5) accepted(ctx context.Context, conn net.Conn) error {
	g.clientID = "mqttward-health-" + strings.ToLower(rand.Text()[:8])
	ack, err := connect5(ctx, conn, g)
	switch {
	case ack == nil:
		return fmt.Errorf("no answer to a CONNECT: %w", err)
	case ack.ReasonCode != 0:
		code := packets.ReasonCode(ack.ReasonCode)
		return fmt.Errorf("a CONNECT is refused with 0x%02x (%s)", ack.ReasonCode, code)
	}
	return nil
}

// errSilent says that the broker did not answer.
var errSilent = errors.New("nothing came")

// connect5 sends a CONNECT of MQTT 5.0 to a broker that is trusted, and goes. The answer is nil
// where there is none that can be read.
func connect5(ctx context.Context, conn net.Conn, g greeting5) (*paho.Connack, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	ended := make(chan error, 2)
	client := paho.NewClient(paho.ClientConfig{
		Conn:          pahopackets.NewThreadSafeConn(&answers{Conn: conn}),
		PacketTimeout: g.timeout,
		OnClientError: func(err error) { ended <- err },
	})
	ack, err := client.Connect(ctx, &paho.Connect{
		ClientID: g.clientID, CleanStart: true, KeepAlive: 60,
		UsernameFlag: len(g.userName) > 0, Username: string(g.userName),
		PasswordFlag: len(g.password) > 0, Password: g.password,
	})
	if err == nil {
		_ = client.Disconnect(&paho.Disconnect{})
	}
	switch {
	case ack == nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w within %v", errSilent, g.timeout)
	case ack == nil && err == nil:
		err = errors.New("no answer")
	}
	return ack, err
}
