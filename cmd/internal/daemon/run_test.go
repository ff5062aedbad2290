package daemon

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// stuckBroker sends half a packet after its CONNACK: there is no boundary at which a session
// could be ended with a DISCONNECT.
func stuckBroker(t *testing.T) *proxytest.Broker {
	return proxytest.NewBroker(t, proxytest.BrokerOptions{Handle: func(conn net.Conn) {
		if _, err := conn.Write([]byte{0x30, 100, 0, 1, 't'}); err == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
	}})
}

// stuckSession connects through r and waits for the half of a packet.
func stuckSession(t *testing.T, r *running) {
	t.Helper()
	conn := r.dial("mqtt")
	mustConnect(t, conn, packets.V5)
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
}

func TestSignalEndsAnIdleDaemon(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		proxytest.CheckLeaks(t)
		r := run(t, plain("127.0.0.1:1"))
		address := r.Addr("mqtt").String()
		r.signals <- s
		if err := r.wait(); err != nil {
			t.Errorf("%v: Run returned %v, want nil", s, err)
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%v: the listener is still open", s)
		}
	}
}

func TestSignalEndsLiveSessionsInOrder(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr()))
	conn := r.dial("mqtt")
	mustConnect(t, conn, packets.V5)
	r.signals <- syscall.SIGTERM
	got, err := io.ReadAll(conn)
	if want := packets.AppendDisconnect(nil, packets.ServerShuttingDown); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the client got % x, %v; want % x and the end", got, err, want)
	}
	if err := r.wait(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}

func TestDrainTimeoutCuts(t *testing.T) {
	proxytest.CheckLeaks(t)
	r := run(t, plain(stuckBroker(t).Addr())+"[shutdown]\ndrain_timeout = \"0s\"\n")
	stuckSession(t, r)
	r.signals <- syscall.SIGTERM
	if err := r.wait(); !errors.Is(err, ErrForced) {
		t.Errorf("Run returned %v, want %v", err, ErrForced)
	}
}

func TestSecondSignalCutsAtOnce(t *testing.T) {
	proxytest.CheckLeaks(t)
	r := run(t, plain(stuckBroker(t).Addr())+"[shutdown]\ndrain_delay = \"10m\"\n")
	stuckSession(t, r)
	r.signals <- syscall.SIGTERM
	r.awaitLog("shutting down")
	r.signals <- syscall.SIGHUP // is no second signal
	r.signals <- syscall.SIGTERM
	if err := r.wait(); !errors.Is(err, ErrForced) {
		t.Errorf("Run returned %v, want %v", err, ErrForced)
	}
	if !strings.Contains(r.log.String(), "a second signal") {
		t.Errorf("nothing of a second signal in the log:\n%s", r.log)
	}
}

func TestListenersStayOpenOverDrainDelay(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr())+"[shutdown]\ndrain_delay = \"10m\"\n")
	r.signals <- syscall.SIGTERM
	r.awaitLog("shutting down")
	mustConnect(t, r.dial("mqtt"), packets.V311)
	r.signals <- syscall.SIGTERM
	r.wait() // nil or ErrForced, as the session ends in time or not
}

func TestHangupDoesNotEnd(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	r := run(t, plain(b.Addr()))
	r.signals <- syscall.SIGHUP
	r.awaitLog("SIGHUP: there is no configuration file")
	mustConnect(t, r.dial("mqtt"), packets.V311)
	r.signals <- syscall.SIGTERM
	if err := r.wait(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}

func TestListenThatFailsLeavesNothingOpen(t *testing.T) {
	proxytest.CheckLeaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	text := plain("127.0.0.1:1") + "[[listener]]\nname = \"second\"\nbind = \"" + taken.Addr().String() + "\"\n"
	d, err := New(parse(t, t.TempDir(), text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	err = d.Listen(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), `listener "second": `) {
		t.Errorf("Listen: got %v, want the second listener's name and %v", err, syscall.EADDRINUSE)
	}
	if a := d.Addr("mqtt"); a != nil {
		t.Errorf("the first listener is open at %v", a)
	}
}

func TestTwoDaemonsShareAPort(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	shared := strings.Replace(plain(b.Addr()), "[upstream]", "reuse_port = true\n[upstream]", 1)
	first := run(t, shared)
	bind := first.Addr("mqtt").String()
	second := run(t, strings.Replace(shared, "127.0.0.1:0", bind, 1))
	if got := second.Addr("mqtt").String(); got != bind {
		t.Errorf("the second listens at %s, want %s", got, bind)
	}
	first.Close()
	mustConnect(t, second.dial("mqtt"), packets.V311)
}

func TestNewTwiceFromOneConfig(t *testing.T) {
	proxytest.CheckLeaks(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	c := parse(t, t.TempDir(), plain(b.Addr()))
	for i := range 2 {
		d, err := New(c, Options{})
		if err != nil {
			t.Fatalf("New, time %d: %v", i+1, err)
		}
		defer d.Close()
		if err := d.Listen(t.Context()); err != nil {
			t.Fatalf("Listen, time %d: %v", i+1, err)
		}
		if d.Addr("mqtt") == nil {
			t.Errorf("time %d: no address", i+1)
		}
	}
}

func TestCloseWithoutRun(t *testing.T) {
	proxytest.CheckLeaks(t)
	d, _ := open(t, plain("127.0.0.1:1"))
	address := d.Addr("mqtt").String()
	for range 2 {
		d.Close()
	}
	if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		conn.Close()
		t.Error("the listener is open after Close")
	}
}
