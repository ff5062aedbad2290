//go:build unix

package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// manager is where a process tells its service manager how it does.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	// A short path: a socket's has little room.
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &manager{t: t, path: filepath.Join(dir, "s")}
	m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	return m
}

// await reads messages until one begins with the line want, and returns it.
func (m *manager) await(want string) string {
	m.t.Helper()
	buf := make([]byte, 4096)
	m.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("waiting for %s: %v", want, err)
		}
		if message := string(buf[:n]); strings.HasPrefix(message+"\n", want+"\n") {
			return message
		}
	}
}

func TestTheServiceManagerIsTold(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	m := newManager(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \"2s\"\n"), func(c *exec.Cmd) {
		c.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=200000")
	})
	m.await("READY=1")
	m.await("WATCHDOG=1")
	if err := syscall.Kill(l.pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	reloading := m.await("RELOADING=1")
	var usec int64
	if _, err := fmt.Sscanf(reloading, "RELOADING=1\nMONOTONIC_USEC=%d", &usec); err != nil || usec <= 0 {
		t.Errorf("got %q, want the time of the reload: %v", reloading, err)
	}
	m.await("READY=1")
	l.upgrade()
	m.await(fmt.Sprint("MAINPID=", l.pid))
	if err := l.wait(); err != nil {
		t.Errorf("the first process: %v", err)
	}
	m.await("WATCHDOG=1") // of the second
	if err := syscall.Kill(l.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := m.await("STOPPING=1"); got != "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000" {
		t.Errorf("got %q, want drain_timeout and 10 s", got)
	}
}

// activated starts mqttward as systemd would, with sockets of these names, and their addresses.
func activated(t *testing.T, text string, names ...string) (*lineage, []string) {
	t.Helper()
	var files []*os.File
	var addresses []string
	for range names {
		socket, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := socket.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		addresses = append(addresses, socket.Addr().String())
		socket.Close() // the file holds it
		files = append(files, f)
		t.Cleanup(func() { f.Close() })
	}
	l := startLineage(t, text, func(c *exec.Cmd) {
		c.Args = []string{"sh", "-c", "LISTEN_PID=$$ exec mqttward serve -c " + c.Args[3]}
		c.Path = "/bin/sh"
		c.ExtraFiles = files
		c.Env = append(os.Environ(), fmt.Sprint("LISTEN_FDS=", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	})
	return l, addresses
}

func TestSocketsOfSystemd(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	text := upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \"1s\"\n", strings.ReplaceAll(plainListener, "plain", "second"))
	for what, names := range map[string][]string{
		"by name":       {"second", "plain"},
		"in order":      {"mqttward.socket", "mqttward.socket"},
		"one of two":    {"unknown"},
		"one by name":   {"second"},
		"one each way":  {"second", "mqttward.socket"},
		"without names": {"", ""},
	} {
		t.Run(what, func(t *testing.T) {
			l, addresses := activated(t, text, names...)
			proxytest.Eventually(t, "it listens", func() bool { return l.lines("msg=listening") == 2 })
			for i, name := range names {
				listener := name
				if name != "plain" && name != "second" {
					listener = []string{"plain", "second"}[i]
				}
				if what == "one each way" && i == 1 {
					listener = "plain"
				}
				if l.lines("msg=listening", "listener="+listener+" ", "address="+addresses[i]) != 1 {
					t.Errorf("socket %d is not that of listener %s", i, listener)
				}
				l.address = addresses[i]
				if err := l.connectOnce("c"); err != nil {
					t.Error(err)
				}
			}
			l.upgrade()
			if err := l.connectOnce("c"); err != nil {
				t.Errorf("after an upgrade: %v", err)
			}
		})
	}
}
