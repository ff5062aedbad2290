package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"mqttward/packets"
)

// The broker accepts every CONNECT. What it then does, the client id says: "sink-N-..." takes
// N bytes and answers PINGRESP, any other is sent back all that it sends, but for a PINGREQ,
// which is answered. A PUBLISH of quality 0 looks the same in both directions.

const (
	sinkPrefix   = "sink-"
	echoBuffer   = 32 << 10
	sinkBuffer   = 256 << 10
	connectLimit = 64 << 10 // of a CONNECT
)

// The keep-alive pings. The response also tells a stream's client that all has arrived.
// [MQTT311 3.12, 3.13]
var pingRequest, pingResponse = []byte{0xC0, 0x00}, []byte{0xD0, 0x00}

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
	plainEchoes, err := newEchoes()
	if err != nil {
		return err
	}
	addresses := map[door]string{}
	for _, d := range tlsDoors() {
		pair, err := tls.X509KeyPair([]byte(keys[d].Cert), []byte(keys[d].Key))
		if err != nil {
			return err
		}
		if addresses[d], err = serveDoor(&tls.Config{Certificates: []tls.Certificate{pair}, DynamicRecordSizingDisabled: true}, plainEchoes); err != nil {
			return err
		}
	}
	plain, err := serveDoor(nil, plainEchoes)
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
func serveDoor(c *tls.Config, plain *echoes) (address string, err error) {
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
			go serveClient(conn, plain)
		}
	}()
	return address, nil
}

// serveClient has one connection until its end, or until it is one of the plain echoes.
// Whatever goes wrong, the client sees it.
func serveClient(conn net.Conn, plain *echoes) {
	volume, rest, err := admit(conn)
	tcp, isPlain := conn.(*net.TCPConn)
	if err == nil && volume == 0 && isPlain {
		plain.take(tcp)
		return
	}
	defer conn.Close()
	switch {
	case err != nil:
	case volume == 0:
		echo(conn)
	case isPlain:
		if drop(tcp, volume-int64(rest)) == nil {
			sayDone(conn)
		}
	default:
		if _, err := io.CopyN(io.Discard, conn, volume-int64(rest)); err == nil {
			sayDone(conn)
		}
	}
}

// admit answers a CONNECT. volume is what the client will send, or 0 where it wants an echo;
// rest is how much of it has come already. An echo's part has been sent back.
func admit(conn net.Conn) (volume int64, rest int, err error) {
	all, n, err := packets.ReadConnect(conn, nil, connectLimit)
	if err != nil {
		return 0, 0, err
	}
	var c packets.Connect
	if err := packets.ParseConnect(all[:n], &c); err != nil {
		return 0, 0, err
	}
	answer := packets.AppendConnack(nil, c.Version, packets.Success, "")
	if of, ok := strings.CutPrefix(string(c.ClientID), sinkPrefix); ok {
		if _, err := fmt.Sscanf(of, "%d-", &volume); err != nil {
			return 0, 0, err
		}
	} else {
		answer = append(answer, all[n:]...)
	}
	_, err = conn.Write(answer)
	return volume, len(all) - n, err
}

// echo sends back what comes.
func echo(conn net.Conn) {
	buf := make([]byte, echoBuffer)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if _, err := conn.Write(reply(buf[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reply is what the broker says to b: the same, but for a PINGREQ.
func reply(b []byte) []byte {
	if bytes.Equal(b, pingRequest) {
		return pingResponse
	}
	return b
}

// sayDone tells a stream's client that all is there, and waits for its end.
func sayDone(conn net.Conn) {
	if _, err := conn.Write(pingResponse); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, conn)
}
