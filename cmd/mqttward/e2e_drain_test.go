package main_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/cmd/internal/daemon"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

func TestASignalEndsEverySessionInOrder(t *testing.T) {
	t.Parallel()
	const serverShuttingDown = 0x8b
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		b := startEmbedded(t)
		w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens, "[shutdown]\ndrain_timeout = \"10s\"\n")
		address := w.addr("plain")
		var devices []*device
		for _, version := range versions {
			devices = append(devices, connect(t, address, profile{version: version, id: "d" + version}))
		}
		w.signals <- signal
		for _, d := range devices {
			want := noCode
			if d.profile.version == "5.0" {
				want = serverShuttingDown
			}
			if got := d.ending(); got != want {
				t.Errorf("%v, %s: ended with %#x, want %#x", signal, d.profile.version, got, want)
			}
		}
		if err := w.wait(); err != nil {
			t.Errorf("%v: Run returned %v, want nil", signal, err)
		}
		if got := w.log.lines("close_reason=drained"); got != len(devices) {
			t.Errorf("%v: %d lines tell of a drained session, want %d", signal, got, len(devices))
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%v: the listener is still open", signal)
		}
	}
}

// blockedWard has one session that can't end by itself: its client reads nothing of what its
// broker goes on sending.
func blockedWard(t *testing.T, shutdown string) *ward {
	t.Helper()
	full := make(chan struct{})
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{Handle: func(conn net.Conn) {
		packet := append([]byte{0x30, 0xff, 0xff, 0x3f, 0, 1, 'x'}, make([]byte, 1<<20-1-3)...)
		for sent := 0; ; sent++ {
			conn.SetWriteDeadline(time.Now().Add(2 * time.Second)) // longer than mqttward may be kept from its work
			if _, err := conn.Write(packet); errors.Is(err, os.ErrDeadlineExceeded) {
				close(full)
				break
			} else if err != nil {
				return
			}
		}
		conn.SetDeadline(time.Time{})
		for { // until mqttward closes
			if _, err := conn.Read(packet); err != nil {
				return
			}
		}
	}})
	w := startWard(t, plainListener, upstreamAt(b.Addr()), sampleTokens,
		"[limits]\nhalf_close_timeout = \"10m\"\n[shutdown]\n"+shutdown)
	conn := dialRaw(t, w.addr("plain"), packets.AppendConnect(nil, rawProfile("5.0", "deaf")))
	readCode(t, conn)
	select {
	case <-full:
	case <-time.After(patience):
		t.Fatal("the client's silence never stopped the broker")
	}
	return w
}

func TestASessionThatDoesNotEndIsCutAfterDrainTimeout(t *testing.T) {
	t.Parallel()
	for _, timeout := range []string{"0s", "300ms"} {
		w := blockedWard(t, fmt.Sprintf("drain_timeout = %q", timeout))
		w.signals <- syscall.SIGTERM
		if err := w.wait(); !errors.Is(err, daemon.ErrForced) {
			t.Errorf("drain_timeout = %s: Run returned %v, want ErrForced", timeout, err)
		}
		if got := w.log.lines(`msg="session ended"`, "client_id=deaf"); got != 1 {
			t.Errorf("drain_timeout = %s: %d lines tell of the session's end, want 1", timeout, got)
		}
	}
}

func TestASecondSignalCutsAtOnce(t *testing.T) {
	t.Parallel()
	for _, shutdown := range []string{`drain_timeout = "10m"`, "drain_delay = \"10m\"\ndrain_timeout = \"10m\""} {
		w := blockedWard(t, shutdown)
		w.signals <- syscall.SIGTERM
		proxytest.Eventually(t, "the first signal is heard", func() bool { return w.log.lines(`msg="shutting down"`) == 1 })
		select {
		case <-w.over:
			t.Fatalf("%s: ended at the first signal, with %v", shutdown, w.err)
		default:
		}
		w.signals <- syscall.SIGTERM
		if err := w.wait(); !errors.Is(err, daemon.ErrForced) {
			t.Errorf("%s: Run returned %v, want ErrForced", shutdown, err)
		}
	}
}

func TestSessionsEndOverDrainTimeoutAndQuietlyWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	b := startEmbedded(t)
	watcher := connect(t, b.addr(), profile{version: "5.0", id: "watcher"})
	watcher.subscribe("will/#", 1)
	const wards, each, seconds, quarter = 2, 30, 20, 4500 * time.Millisecond
	for quiet := range wards {
		w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens,
			fmt.Sprintf("[shutdown]\ndrain_timeout = \"%ds\"\ndrain_quiet = %t\n", seconds, quiet == 1))
		ends := make(chan time.Time, each)
		for i := range each {
			id := fmt.Sprintf("d%d-%d", quiet, i)
			d := connect(t, w.addr("plain"), profile{version: versions[i%len(versions)], id: id, will: &message{topic: "will/" + id, payload: "gone"}})
			go func() {
				d.ending()
				ends <- time.Now()
			}()
		}
		begun := time.Now()
		w.signals <- syscall.SIGTERM
		var seen [5]int
		for range each {
			seen[min(4, (<-ends).Sub(begun)/quarter)]++
		}
		if err := w.wait(); err != nil {
			t.Errorf("quiet %d: Run returned %v, want nil", quiet, err)
		}
		// The last two seconds are for those that take their time to end.
		for i, n := range seen[:4] {
			if n < each/15 || n > each/2 {
				t.Errorf("quiet %d: %v ended in each quarter; in number %d too few or too many", quiet, seen, i)
			}
		}
	}
	watcher.publish(message{topic: "will/over", payload: "over", qos: 1})
	for wills := 0; ; wills++ {
		got := watcher.receive()
		if got.topic == "will/over" {
			if wills != each {
				t.Errorf("%d wills, want those of the %d that did not end quietly", wills, each)
			}
			return
		}
		if strings.HasPrefix(got.topic, "will/d1-") {
			t.Errorf("a will in spite of drain_quiet: %v", got.topic)
		}
	}
}

// What is cut ends without a DISCONNECT, drain_quiet or not.
func TestASecondSignalLeavesTheWillsToTheBroker(t *testing.T) {
	t.Parallel()
	b := startEmbedded(t)
	watcher := connect(t, b.addr(), profile{version: "5.0", id: "watcher"})
	watcher.subscribe("will/#", 1)
	w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens, "[shutdown]\ndrain_timeout = \"10m\"\ndrain_quiet = true\n")
	const devices = 5
	for i := range devices {
		id := fmt.Sprint("d", i)
		connect(t, w.addr("plain"), profile{version: versions[i%len(versions)], id: id, will: &message{topic: "will/" + id, payload: "gone"}})
	}
	w.signals <- syscall.SIGTERM
	proxytest.Eventually(t, "the first signal is heard", func() bool { return w.log.lines(`msg="shutting down"`) == 1 })
	w.signals <- syscall.SIGTERM
	if err := w.wait(); !errors.Is(err, daemon.ErrForced) {
		t.Errorf("Run returned %v, want ErrForced", err)
	}
	cut := w.log.lines("close_reason=forced")
	if cut < devices-1 { // one's turn may have come
		t.Errorf("%d of %d sessions were cut:\n%s", cut, devices, w.log)
	}
	// That one may have had its DISCONNECT passed on, and have been cut before it was over.
	for range min(cut, devices-1) {
		if got := watcher.receive(); !strings.HasPrefix(got.topic, "will/d") {
			t.Errorf("got %v, want the will of a session that was cut", got)
		}
	}
}
