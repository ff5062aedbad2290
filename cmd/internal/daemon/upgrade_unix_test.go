//go:build unix

package daemon

import (
	"net"
	"os"
	"path/filepath"
	"strings"
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
	if got := next(); !strings.HasPrefix(got, "READY=1\n") {
		t.Errorf("an upgrade beside a reload told %q, want READY=1 before all else", got)
	}
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}

// A successor reads the configuration when it starts, and may have to wait for its keys. What is changed
// meanwhile, and told to have been reloaded, must hold afterwards too.
func TestAReloadBesideAnUpgradeIsTheSuccessorsToo(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	c := parse(t, dir, plain(b.Addr()))
	log := &logText{}
	// It serves when "go" is there, notes each hang-up, and ends with the folder.
	const program = `trap 'echo >>"$0"/hangups' HUP; while ! test -e "$0"/go; do test -d "$0" || exit; sleep 0.02; done; printf x >&3; while test -d "$0"; do sleep 0.02; done`
	d, err := New(c, Options{
		Log:     NewLogger(c.Log, log),
		Load:    func() (*config.Config, error) { return c, nil },
		Program: &handover.Program{Path: "/bin/sh", Args: []string{"sh", "-c", program, dir}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := serve(t, d, log)
	young := r.dial("mqtt") // whom the old process waits for, so that it is there to be signalled
	r.signals <- syscall.SIGUSR2
	r.awaitLog("waiting for the new process")
	r.signals <- syscall.SIGHUP
	r.awaitLog(`"msg":"reloaded"`)
	write(t, at("go"), "")
	hangups := func(n int) func() bool {
		return func() bool {
			text, _ := os.ReadFile(at("hangups"))
			return len(text) >= n
		}
	}
	proxytest.Eventually(t, "the successor hears of what was reloaded before it was ready", hangups(1))
	r.signals <- syscall.SIGHUP
	proxytest.Eventually(t, "the successor hears of what comes while the process before it ends", hangups(2))
	young.Close()
	if err := r.wait(); err != nil {
		t.Error(err)
	}
}
