package main_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"mqttward/auth/authtest"
	"mqttward/packets"
)

// What no client library would do is done with bytes.

// rawProfile is a CONNECT with the sample token.
func rawProfile(version, id string) *packets.Connect {
	v := map[string]packets.Version{"3.1": packets.V31, "3.1.1": packets.V311, "5.0": packets.V5}[version]
	return &packets.Connect{
		Version: v, CleanStart: true, ClientID: []byte(id),
		HasUserName: true, UserName: []byte("anyone"),
		HasPassword: true, Password: []byte(authtest.SampleToken),
	}
}

// dialRaw connects and sends bytes.
func dialRaw(t testing.TB, address string, send []byte) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(send); err != nil {
		t.Fatal(err)
	}
	return conn
}

// readCode reads the first bytes of a CONNACK and returns its code.
func readCode(t testing.TB, conn net.Conn) byte {
	t.Helper()
	var connack [4]byte // no CONNACK here is as long as 128 bytes
	if _, err := io.ReadFull(conn, connack[:]); err != nil {
		t.Fatalf("read CONNACK: %v", err)
	}
	if connack[0] != 0x20 {
		t.Fatalf("got % x, want a CONNACK", connack)
	}
	return connack[3]
}

// readToEnd returns all that comes until the other side ends the connection.
func readToEnd(t testing.TB, conn net.Conn) []byte {
	t.Helper()
	all, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("after % x: not closed within %v", all, patience)
	}
	return all
}
