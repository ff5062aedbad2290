package proxy

import (
	"net"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
	"mqttward/proxy/socket"
)

// acceptedConn is a connection as the nursery has it, and its client.
func acceptedConn(t *testing.T) (ours *socket.Conn, theirs net.Conn) {
	t.Helper()
	lower, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := socket.NewListener(lower.(*net.TCPListener), KeepAlive())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	if ours, err = l.AcceptNow(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours, theirs
}

// A machine that is busy has not read what a client has sent: the client is not silent for it, and one
// that is gives way instead, however much later it came.
func TestWhoseBytesAreUnreadIsNotSilent(t *testing.T) {
	proxytest.CheckLeaks(t)
	defer func(before [numClasses]time.Duration) { patience = before }(patience)
	patience = [numClasses]time.Duration{silent: time.Millisecond, begun: time.Hour}
	h := tableOf(2)
	sent, client := acceptedConn(t)
	mute, _ := acceptedConn(t)
	first, second := h.begin(sent), h.begin(mute)
	if _, err := client.Write([]byte("connect")); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "its bytes are there", sent.HasInput)
	if mute.HasInput() {
		t.Error("there are bytes of one that has sent none")
	}
	time.Sleep(2 * patience[silent])
	h.begin(from("192.0.2.1"))
	if first.evicted || !second.evicted {
		t.Fatalf("gave way: %v who has sent something, %v who has not; want the second", first.evicted, second.evicted)
	}
	// It has the time of those that have begun, and no more.
	patience = [numClasses]time.Duration{silent: time.Hour}
	h.begin(from("192.0.2.1"))
	if !first.evicted {
		t.Error("who never goes on keeps its place")
	}
	sent.Close()
	if sent.HasInput() {
		t.Error("there are bytes of one that is closed")
	}
}
