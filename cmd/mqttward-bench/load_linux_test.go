package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// brokerClient is a plain client of a broker in this process.
func brokerClient(t *testing.T, clientID string) *net.TCPConn {
	t.Helper()
	all, err := newEchoes()
	if err != nil {
		t.Fatal(err)
	}
	address, err := serveDoor(nil, all)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(stepTimeout))
	packet := []byte("\x10\x00\x00\x04MQTT\x04\x02\x00\x00\x00" + string(rune(len(clientID))) + clientID)
	packet[1] = byte(len(packet) - 2)
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	if code, err := readConnack(conn); code != 0 || err != nil {
		t.Fatalf("got code %d, %v", code, err)
	}
	return conn.(*net.TCPConn)
}

func TestEchoOfASlowReaderIsWhole(t *testing.T) {
	conn := brokerClient(t, "slow")
	// More than any socket buffers: the echo must wait, and so must the writer.
	want := bytes.Repeat(publish(1<<16), 256)
	wrote := make(chan error, 1)
	go func() {
		_, err := conn.Write(want)
		wrote <- err
	}()
	got := make([]byte, len(want))
	half := len(got) / 2
	for _, part := range [][]byte{got[:1], got[1:half], got[half:]} {
		if _, err := io.ReadFull(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-wrote; err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back, equal %t, %v; want the same", len(got), bytes.Equal(got, want), err)
	}
	if err := ping(conn); err != nil {
		t.Error(err)
	}
}

func TestSinkAnswersWhenAllIsThere(t *testing.T) {
	packet := publish(100_000)
	conn := brokerClient(t, fmt.Sprintf("%s%d-1", sinkPrefix, 3*len(packet)))
	for i := range 3 {
		if i == 2 {
			conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if n, err := conn.Read(make([]byte, 1)); n > 0 || !os.IsTimeout(err) {
				t.Fatalf("before the last: got %d bytes, %v; want none", n, err)
			}
			conn.SetReadDeadline(time.Now().Add(stepTimeout))
		}
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	answer := make([]byte, 2)
	if _, err := io.ReadFull(conn, answer); err != nil || !bytes.Equal(answer, pingResponse) {
		t.Errorf("got %x, %v; want %x", answer, err, pingResponse)
	}
}

func TestProcessorClockRuns(t *testing.T) {
	before, err := processorClock(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	sum := byte(0)
	for start := time.Now(); time.Since(start) < 30*time.Millisecond; sum++ {
	}
	after, err := processorClock(os.Getpid())
	if got := after - before; got < time.Millisecond || got > 10*time.Second || err != nil {
		t.Errorf("after 30 ms of work: %v more, %v", got, err)
	}
	const nobody = 1<<22 + 1 // above the largest id
	if got, err := processorClock(nobody); err == nil {
		t.Errorf("a process that is not there: got %v and no error", got)
	}
}

func TestPeakIsForgotten(t *testing.T) {
	h, err := startHelper(helperClients, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	peak := func() int64 {
		t.Helper()
		n, err := peakMemory(h.group())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// An order of several megabytes, most of which is garbage once it is read.
	if _, err := h.do(t.Context(), order{Do: doRelease, Passwords: []string{strings.Repeat("x", 30<<20)}}); err != nil {
		t.Fatal(err)
	}
	if got, least := peak(), int64(30<<20); got < least {
		t.Errorf("after an order of 30 MB: got a peak of %d, want %d at least", got, least)
	}
	if err := forgetPeak(h.group()); err != nil {
		t.Fatal(err)
	}
	now, err := memory(h.group())
	if got := peak(); got > now+16<<20 || err != nil {
		t.Errorf("forgotten: got a peak of %d with %d in use, %v", got, now, err)
	}
}
