package main_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"mqttward/auth/authtest"
)

// versions are those of MQTT that clients speak.
var versions = []string{"3.1", "3.1.1", "5.0"}

// message is a message as a client sends or receives it.
type message struct {
	topic, payload string
	qos            byte
	retain         bool
	properties     properties
}

// properties are an MQTT 5.0 message's. Empty ones are not sent.
type properties struct{ contentType, responseTopic, correlation, user string }

// String shows the message without more of its payload than a line has room for.
func (m message) String() string {
	payload := m.payload
	if len(payload) > 64 {
		payload = fmt.Sprintf("%s... (%d bytes)", payload[:64], len(payload))
	}
	return fmt.Sprintf("%s %q qos=%d retain=%v %+v", m.topic, payload, m.qos, m.retain, m.properties)
}

// profile is what a device connects with. The user name and the password are the sample
// token's unless they are set.
type profile struct {
	version        string
	id             string
	user, password string
	resume         bool // keep the session, and resume one that is there
	keepAlive      time.Duration
	will           *message
	tls            *tls.Config
}

// device is a client, whatever its library.
type device struct {
	t       testing.TB
	profile profile
	conn    net.Conn
	// resumed is CONNACK's session present flag.
	resumed bool
	inbox   chan message
	// over gets the DISCONNECT's code, or noCode for a connection that just ended.
	over chan int
	link link
}

const noCode = -1

// link is a client library. Its methods return when the broker has acknowledged.
type link interface {
	subscribe(filter string, qos byte) error
	publish(m message) error
	disconnect() error
}

// refused is the error of a CONNACK that is no success.
type refused struct{ code byte }

func (r refused) Error() string { return fmt.Sprintf("refused with 0x%02x", r.code) }

// connect connects a device that must be let in.
func connect(t testing.TB, address string, p profile) *device {
	t.Helper()
	d, err := tryConnect(t, address, p)
	if err != nil {
		t.Fatalf("%s client %q: %v", p.version, p.id, err)
	}
	return d
}

// refusal connects a device that must not be let in, and returns the CONNACK's code.
func refusal(t testing.TB, address string, p profile) byte {
	t.Helper()
	_, err := tryConnect(t, address, p)
	var r refused
	if !errors.As(err, &r) {
		t.Errorf("%s client %q: got %v, want a CONNACK that refuses", p.version, p.id, err)
	}
	return r.code
}

func tryConnect(t testing.TB, address string, p profile) (*device, error) {
	t.Helper()
	if p.user == "" && p.password == "" {
		p.user, p.password = "anyone", authtest.SampleToken
	}
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	if p.tls != nil {
		conn = tls.Client(conn, p.tls)
	}
	// Channels so large that a library never waits for the test.
	d := &device{t: t, profile: p, conn: conn, inbox: make(chan message, 4096), over: make(chan int, 16)}
	open := d.open3
	if p.version == "5.0" {
		open = d.open5
	}
	if err := open(); err != nil {
		conn.Close()
		return nil, err
	}
	t.Cleanup(func() {
		if d.link != nil {
			_ = d.link.disconnect()
		}
		conn.Close()
	})
	return d, nil
}

func (d *device) subscribe(filter string, qos byte) {
	d.t.Helper()
	if err := d.link.subscribe(filter, qos); err != nil {
		d.t.Fatalf("%s: subscribe to %q: %v", d.profile.id, filter, err)
	}
}

func (d *device) publish(m message) {
	d.t.Helper()
	if err := d.link.publish(m); err != nil {
		d.t.Fatalf("%s: publish %v: %v", d.profile.id, m, err)
	}
}

// receive returns the next message.
func (d *device) receive() message {
	d.t.Helper()
	select {
	case m := <-d.inbox:
		return m
	case code := <-d.over:
		d.t.Fatalf("%s: the connection ended with code %#x, want a message", d.profile.id, code)
	case <-time.After(patience):
		d.t.Fatalf("%s: no message within %v", d.profile.id, patience)
	}
	return message{}
}

// ending returns how the other side ends the connection.
func (d *device) ending() int {
	d.t.Helper()
	select {
	case code := <-d.over:
		return code
	case <-time.After(patience):
		d.t.Fatalf("%s: not ended within %v", d.profile.id, patience)
	}
	return 0
}

// disconnect ends the session as MQTT has it.
func (d *device) disconnect() {
	d.t.Helper()
	if err := d.link.disconnect(); err != nil {
		d.t.Fatalf("%s: disconnect: %v", d.profile.id, err)
	}
	d.link = nil
}

// vanish closes the connection without a DISCONNECT; reset makes that a reset.
func (d *device) vanish(reset bool) {
	d.t.Helper()
	if tcp, ok := d.conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	d.conn.Close()
}

// echo shows that a device's session works, both ways.
func echo(d *device) {
	d.t.Helper()
	want := message{topic: "echo/" + d.profile.id, payload: "hello", qos: 1}
	d.subscribe(want.topic, 1)
	d.publish(want)
	if got := d.receive(); got != want {
		d.t.Errorf("%s: got %v, want %v", d.profile.id, got, want)
	}
}
