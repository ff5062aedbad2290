package daemon

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// patience is more than any step takes on a machine that works.
const patience = 20 * time.Second

// parse reads a configuration that has no fault of form. Its paths are relative to dir.
func parse(t *testing.T, dir, text string) *config.Config {
	t.Helper()
	c, err := config.Parse([]byte(text), "c.toml", dir, config.LoadOptions{
		LookupEnv: func(string) (string, bool) { return "", false },
	})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return c
}

// logText is a log that is read while it grows.
type logText struct{ proxytest.Log }

// said is the part of a line of JSON with this message that stands before the line's own attributes.
func said(message string) string { return fmt.Sprintf(`"msg":%q,"pid":%d,`, message, os.Getpid()) }

// open returns the daemon of a configuration text, with its listeners open.
func open(t *testing.T, text string) (*Daemon, *logText) {
	t.Helper()
	log := &logText{}
	c := parse(t, t.TempDir(), text)
	d, err := New(c, Options{Log: NewLogger(config.Log{Format: config.LogText}, log)})
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	t.Cleanup(d.Close)
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, log
}

// running is a daemon that Run serves.
type running struct {
	*Daemon
	t       *testing.T
	log     *logText
	signals chan os.Signal
	ended   chan error
}

// run serves a configuration text. Where the test does not end it, its cleanup does.
func run(t *testing.T, text string) *running {
	t.Helper()
	d, log := open(t, text)
	return serve(t, d, log)
}

// serve runs a daemon whose listeners are open.
func serve(t *testing.T, d *Daemon, log *logText) *running {
	t.Helper()
	r := &running{Daemon: d, t: t, log: log, signals: make(chan os.Signal, 2), ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- d.Run(r.signals)
	}()
	t.Cleanup(func() {
		select {
		case r.signals <- os.Interrupt:
		default:
		}
		d.Close()
		select {
		case <-done:
		case <-time.After(patience):
			t.Errorf("Run has not returned; the log:\n%s", log)
		}
	})
	return r
}

// wait returns what Run returns.
func (r *running) wait() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		r.t.Fatalf("Run does not return; the log:\n%s", r.log)
		return nil
	}
}

// awaitLog waits until a text is in the log.
func (r *running) awaitLog(text string) {
	r.t.Helper()
	proxytest.Eventually(r.t, text+" in the log", func() bool { return strings.Contains(r.log.String(), text) })
}

// dial connects to the listener called name.
func (r *running) dial(name string) net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.Addr(name).String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// mustConnect sends CONNECT over conn, and wants an accepting CONNACK.
func mustConnect(t *testing.T, conn net.Conn, v packets.Version) {
	t.Helper()
	connect := packets.AppendConnect(nil, &packets.Connect{Version: v, CleanStart: true, ClientID: []byte("c")})
	if _, err := conn.Write(connect); err != nil {
		t.Fatalf("send CONNECT: %v", err)
	}
	want := packets.AppendConnack(nil, v, packets.Success, "")
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read CONNACK: got % x, %v; want % x", got[:n], err, want)
	}
}

// plain is a configuration of one plain listener that lets everybody in.
func plain(upstream string) string {
	return `[[listener]]
name = "mqtt"
bind = "127.0.0.1:0"
[upstream]
addresses = ["` + upstream + `"]
[auth]
allow_anonymous = true
`
}
