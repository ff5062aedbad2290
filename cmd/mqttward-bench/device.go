package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"mqttward/packets"
)

// userName is that of the devices with tokens, and in the tokens' claim.
const userName = "bench"

// stepTimeout bounds a connect, a refusal, one message.
const stepTimeout = 30 * time.Second

// disconnect is the last packet of a session. [MQTT311 3.14]
var disconnect = []byte{0xE0, 0x00}

// device is one client.
type device struct {
	order  *order
	tls    *tls.Config // nil: plain TCP
	serial int64       // its number: see order.Same
}

// packet returns the device's CONNECT.
func (d *device) packet() []byte {
	c := packets.Connect{Version: packets.V311, CleanStart: true, KeepAlive: 600}
	c.ClientID = fmt.Appendf(nil, "device-%d", d.serial)
	if d.order.Volume > 0 {
		c.ClientID = fmt.Appendf(nil, "%s%d-%d", sinkPrefix, d.order.Volume, d.serial)
	}
	if p := d.order.Passwords; len(p) > 0 {
		c.HasUserName, c.UserName = true, []byte(d.userName())
		c.HasPassword, c.Password = true, []byte(p[d.serial%int64(len(p))])
	}
	return packets.AppendConnect(nil, &c)
}

func (d *device) userName() string {
	if d.order.Users == "" {
		return userName
	}
	return fmt.Sprintf("%s%d", d.order.Users, d.serial)
}

// dial opens the connection, TLS included.
func (d *device) dial() (net.Conn, error) {
	// No keepalive: its eight system calls would be paid here, for nothing.
	dialer := net.Dialer{Timeout: stepTimeout, KeepAlive: -1}
	if d.order.Source != "" {
		dialer.LocalAddr, dialer.Control = &net.TCPAddr{IP: net.ParseIP(d.order.Source)}, shareSource
	}
	conn, err := dialer.Dial("tcp", d.order.Address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		conn.Close()
		return nil, err
	}
	if d.tls == nil {
		return conn, nil
	}
	t := tls.Client(conn, d.tls)
	if err := t.Handshake(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return t, nil
}

// connect dials and sends CONNECT, and returns the code of the answer.
func (d *device) connect() (conn net.Conn, code byte, err error) {
	if conn, err = d.dial(); err != nil {
		return nil, 0, err
	}
	if code, err = d.greet(conn); err != nil {
		return nil, 0, err
	}
	return conn, code, nil
}

// greet sends CONNECT and returns the code of the answer. Where there is none it closes.
func (d *device) greet(conn net.Conn) (code byte, err error) {
	if _, err = conn.Write(d.packet()); err == nil {
		code, err = readConnack(conn)
	}
	if err != nil {
		conn.Close()
	}
	return code, err
}

// readConnack reads the four bytes of a CONNACK. [MQTT311 3.2]
func readConnack(r io.Reader) (code byte, err error) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return 0, fmt.Errorf("read the CONNACK: %w", err)
	}
	if b[0] != 0x20 || b[1] != 2 {
		return 0, fmt.Errorf("read the CONNACK: it begins with %x", b[:2])
	}
	return b[3], nil
}

// comeAndGo connects and disconnects.
func (d *device) comeAndGo() error {
	conn, code, err := d.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	if code != 0 {
		return fmt.Errorf("refused with code %d", code)
	}
	_, err = conn.Write(disconnect)
	return err
}

// beRefused connects, and returns the CONNACK's code; zero where there was none.
func (d *device) beRefused() (code byte, err error) {
	conn, code, err := d.connect()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return 0, nil
	case err != nil:
		return 0, err
	case code == 0:
		conn.Close()
		return 0, errors.New("let in, and should have been refused")
	}
	return code, conn.Close()
}
