package relay_test

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// segmentsIn is how many segments have come in at a socket.
func segmentsIn(t *testing.T, c net.Conn) (n uint32) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	var errInfo error
	if err := raw.Control(func(fd uintptr) { info, errInfo = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil || errInfo != nil {
		t.Fatal(err, errInfo)
	}
	return info.Segs_in
}

// What a side sends last goes in one segment with the end of its stream, where both are there.
func TestLastBytesShareASegmentWithTheEnd(t *testing.T) {
	for _, name := range loopEngines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			r := newRig(t, newEngine(t, name), time.Second, tcpPair)
			if _, err := r.client.Write([]byte{0xe0, 0}); err != nil {
				t.Fatal(err)
			}
			if err := r.client.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			waitUntilTaken(t, r.client)
			before := segmentsIn(t, r.broker)
			r.start(0)
			if got, err := io.ReadAll(r.broker); err != nil || string(got) != "\xe0\x00" {
				t.Errorf("the broker read %x, %v", got, err)
			}
			if got := segmentsIn(t, r.broker) - before; got != 1 {
				t.Errorf("it came in %d segments, want 1", got)
			}
			r.broker.Close()
			r.expectCause(relay.ClientClosed)
		})
	}
}
