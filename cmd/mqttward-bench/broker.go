package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"mqttward/packets"
)

// The broker accepts every CONNECT. What it then does, the client id says: "sink-N-..." takes
// N bytes and answers PINGRESP, any other is sent back all that it sends. A PUBLISH of quality
// 0 looks the same in both directions.

const (
	sinkPrefix   = "sink-"
	echoBuffer   = 32 << 10
	sinkBuffer   = 256 << 10
	connectLimit = 64 << 10 // of a CONNECT
)

// pingResponse tells a stream's client that all has arrived. [MQTT311 3.13]
var pingResponse = []byte{0xD0, 0x00}

// brokerKeys is what the broker's process is told: the certificates of its TLS listeners.
type brokerKeys map[door]certificate

// serveBroker is the broker's process. It reads brokerKeys, writes its addresses, and serves
// until its input ends.
func serveBroker(in io.Reader, out io.Writer) error {
	orders := json.NewDecoder(in)
	var keys brokerKeys
	if err := orders.Decode(&keys); err != nil {
		return fmt.Errorf("read the keys: %w", err)
	}
	addresses := map[door]string{}
	for _, d := range tlsDoors() {
		pair, err := tls.X509KeyPair([]byte(keys[d].Cert), []byte(keys[d].Key))
		if err != nil {
			return err
		}
		if addresses[d], err = serveDoor(&tls.Config{Certificates: []tls.Certificate{pair}}); err != nil {
			return err
		}
	}
	plain, err := serveDoor(nil)
	if err != nil {
		return err
	}
	for _, d := range plainDoors() {
		addresses[d] = plain
	}
	if err := json.NewEncoder(out).Encode(addresses); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// serveDoor serves at a port of its own, as long as the process lives.
func serveDoor(c *tls.Config) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address = l.Addr().String()
	if c != nil {
		l = tls.NewListener(l, c)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // no descriptors are left: clients will wait in vain, and say so
			}
			go serveClient(conn)
		}
	}()
	return address, nil
}

// serveClient has one connection until its end. Whatever goes wrong, the client sees it.
func serveClient(conn net.Conn) {
	defer conn.Close()
	all, n, err := packets.ReadConnect(conn, nil, connectLimit)
	if err != nil {
		return
	}
	var c packets.Connect
	if err := packets.ParseConnect(all[:n], &c); err != nil {
		return
	}
	if _, err := conn.Write(packets.AppendConnack(nil, c.Version, packets.Success, "")); err != nil {
		return
	}
	if rest, ok := strings.CutPrefix(string(c.ClientID), sinkPrefix); ok {
		var volume int64
		if _, err := fmt.Sscanf(rest, "%d-", &volume); err == nil {
			sink(conn, volume-int64(len(all)-n))
		}
		return
	}
	echo(conn, all[n:])
}

// echo sends back first, and whatever comes.
func echo(conn net.Conn, first []byte) {
	if len(first) > 0 {
		if _, err := conn.Write(first); err != nil {
			return
		}
	}
	buf := make([]byte, echoBuffer)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := conn.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// sink takes so many bytes, says so, and waits for the end.
func sink(conn net.Conn, volume int64) {
	buf := make([]byte, sinkBuffer)
	for volume > 0 {
		n, err := conn.Read(buf)
		if volume -= int64(n); err != nil {
			return
		}
	}
	if _, err := conn.Write(pingResponse); err != nil {
		return
	}
	_, _ = conn.Read(buf[:1])
}
