//go:build unix

package daemon

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mqttward/cmd/internal/handover"
	"mqttward/cmd/internal/systemd"
	"mqttward/config"
	"mqttward/proxy/proxytest"
)

// The service manager would wait for the end of a reload that the upgrade has made pointless.
func TestUpgradeEndsAReload(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	notify, err := systemd.New()
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, t.TempDir(), plain(b.Addr()))
	log, never := &logText{}, make(chan struct{})
	defer close(never)
	d, err := New(c, Options{
		Log: NewLogger(c.Log, log), Notify: notify,
		Load:    func() (*config.Config, error) { <-never; return c, nil },
		Program: &handover.Program{Path: "/bin/sh", Args: []string{"sh", "-c", "printf x >&3"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := serve(t, d, log)
	next := func() string {
		manager.SetReadDeadline(time.Now().Add(10 * time.Second))
		text := make([]byte, 200)
		n, err := manager.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(text[:n])
	}
	next() // READY=1
	r.signals <- syscall.SIGHUP
	next() // RELOADING=1
	r.signals <- syscall.SIGUSR2
	if got := next(); got != "READY=1" {
		t.Errorf("an upgrade beside a reload told %q, want READY=1 before all else", got)
	}
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}
