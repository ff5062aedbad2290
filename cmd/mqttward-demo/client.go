package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"mqttward/packets"
)

// tryTimeout bounds one line.
const tryTimeout = 10 * time.Second

// client is as much of an MQTT client as the lines want.
type client struct {
	conn    net.Conn
	reader  *bufio.Reader
	version packets.Version
}

// attempt does what a line says, and returns the code of the CONNACK. An error means that it
// came to nothing that a code could tell. name is the client id.
func attempt(l line, name string) (packets.ReasonCode, error) {
	c, err := dial(l)
	if err != nil {
		return 0, err
	}
	defer c.conn.Close()
	code, err := c.connect(l, name)
	if err != nil || code != packets.Success {
		return code, err
	}
	if l.Act == subscribe {
		err = c.subscribe(welcomeTopic, welcome)
	} else {
		err = c.publish(publishTopic, publishMessage)
	}
	if err != nil {
		return 0, err
	}
	return packets.Success, c.disconnect()
}

// dial connects to a line's address, over TLS where it says so.
func dial(l line) (*client, error) {
	deadline := time.Now().Add(tryTimeout)
	conn, err := net.DialTimeout("tcp", l.Address, tryTimeout)
	if err != nil {
		return nil, err
	}
	if l.CAFile != "" {
		conf, err := clientTLS(l)
		if err != nil {
			conn.Close()
			return nil, err
		}
		conn = tls.Client(conn, conf)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	return &client{conn: conn, reader: bufio.NewReader(conn), version: l.Version}, nil
}

func clientTLS(l line) (*tls.Config, error) {
	text, err := os.ReadFile(l.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %s", l.CAFile)
	}
	host, _, err := net.SplitHostPort(l.Address)
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: roots, ServerName: host}, nil
}

// connect sends CONNECT and returns the code of the CONNACK.
func (c *client) connect(l line, name string) (packets.ReasonCode, error) {
	connect := packets.AppendConnect(nil, &packets.Connect{
		Version: l.Version, CleanStart: true, KeepAlive: 60, ClientID: []byte(name),
		HasUserName: l.UserName != "", UserName: []byte(l.UserName),
		HasPassword: l.Password != "", Password: []byte(l.Password),
	})
	if _, err := c.conn.Write(connect); err != nil {
		return 0, fmt.Errorf("send CONNECT: %w", err)
	}
	connack, err := c.read()
	if err != nil {
		return 0, fmt.Errorf("read CONNACK: %w", err)
	}
	var s packets.ConnackScanner
	if !s.Feed(connack) {
		return 0, errors.New("read CONNACK: it has no code")
	}
	return s.Code(), s.Err()
}
