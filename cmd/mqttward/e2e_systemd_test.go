//go:build unix

package main_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// manager is where a process tells its service manager how it does.
type manager struct {
	t    *testing.T
	told chan string
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
	m := &manager{t: t, path: filepath.Join(dir, "s"), told: make(chan string, 10000)}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go m.listen(conn)
	return m
}

// listen hears at once whatever is told: few messages find room in a socket that nobody reads.
func (m *manager) listen(conn *net.UnixConn) {
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		m.told <- string(buf[:n])
	}
}

// await passes messages over until one begins with the line want, and returns it.
func (m *manager) await(want string) string {
	m.t.Helper()
	late := time.After(patience)
	for {
		select {
		case message := <-m.told:
			if strings.HasPrefix(message+"\n", want+"\n") {
				return message
			}
		case <-late:
			m.t.Fatalf("nobody told %s", want)
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
	if got := m.await("STOPPING=1"); got != "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000\nSTATUS=ending, 0 sessions left" {
		t.Errorf("got %q, want drain_timeout and 10 s", got)
	}
}

// managed is a lineage whose processes a manager hears, with live sessions. The first to end ends at
// once, the others evenly.
func managed(t *testing.T, drainTimeout string) (*manager, *lineage, []net.Conn) {
	t.Helper()
	m := newManager(t)
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \""+drainTimeout+"\"\n[limits]\nconnect_timeout = \"15s\"\nauth_timeout = \"5s\"\n"), func(c *exec.Cmd) {
		c.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path)
	})
	var live []net.Conn
	for i := range 4 {
		live = append(live, dialRaw(t, l.address, packets.AppendConnect(nil, rawProfile("5.0", fmt.Sprint("live", i)))))
		readCode(t, live[i])
	}
	return m, l, live
}

// systemd waits for the end of its own children alone: it would kill any other main process right after
// the signal that stops the service, with all of its sessions.
func TestASuccessorIsTheManagersChild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("systemd is for Linux")
	}
	_, l, _ := managed(t, "5s")
	for range 2 {
		l.upgrade()
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.pid))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("\nPPid:\t%d\n", os.Getpid()); !strings.Contains(string(status), want) {
			t.Errorf("want %q in\n%s", want, status)
		}
	}
}

// To a manager the end of the newest process is the end of the service: it cuts what is left.
func TestAStopAfterAnUpgradeWaitsForTheOldProcess(t *testing.T) {
	m, l, live := managed(t, "12s")
	l.upgrade()
	for _, pid := range []int{l.first.Process.Pid, l.pid} { // as systemd does
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := m.await("STOPPING=1"), "EXTEND_TIMEOUT_USEC=42000000"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %s: connect_timeout and auth_timeout for the old process, drain_timeout and 10 s", got, want)
	}
	for _, conn := range live {
		if got, err := io.ReadAll(conn); !strings.HasSuffix(string(got), "\xe0\x02\x8b\x00") {
			t.Errorf("a live session of the old process ended with % x, %v; want DISCONNECT 0x8B", got, err)
		}
		conn.Close()
	}
	if err := l.wait(); err != nil {
		t.Errorf("the old process: %v, want exit code 0", err)
	}
	const ended = "the process before this one has ended"
	proxytest.Eventually(t, "the new process ends", func() bool { return l.lines(ended) == 1 })
	if text := l.log(); l.lines("msg=stopped") != 2 || strings.LastIndex(text, "msg=stopped") > strings.Index(text, ended) {
		t.Error("the new process did not wait for the old one")
	}
}

// A manager starts the service again once no process of it is left.
func TestTheOldProcessDoesNotOutliveTheNew(t *testing.T) {
	_, l, _ := managed(t, "1h")
	l.upgrade()
	if err := syscall.Kill(l.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := l.wait(); err == nil {
		t.Error("the old process: exit code 0, want 1: sessions were cut")
	}
	if l.lines("level=ERROR", "the new process has ended") != 1 {
		t.Error("the log does not tell that the new process has ended")
	}
}

// By the unit whatever exits with the code of a faulty configuration is not started again: a process
// that hangs, which the manager ends by SIGABRT, and one that has crashed must end otherwise.
func TestACrashIsNotTakenForAFaultyConfiguration(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr()), func(c *exec.Cmd) {
		c.Args = []string{"sh", "-c", "ulimit -c " + setting(t, "mqttward.service", "LimitCORE") + "; exec mqttward serve -c " + c.Args[3]}
		c.Path = "/bin/sh"
		c.Env = append(os.Environ(), setting(t, "mqttward.service", "Environment"))
	})
	if err := syscall.Kill(l.pid, syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := l.wait(); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("a process that was aborted: %v, want a signal", err)
	}
	if dumps, err := filepath.Glob("core*"); err != nil || len(dumps) > 0 {
		t.Errorf("its memory was written to %q, %v", dumps, err)
	}
	l.configure("nonsense")
	code := setting(t, "mqttward.service", "RestartPreventExitStatus")
	if err := exec.Command("mqttward", "serve", "-c", l.file).Run(); err == nil || err.Error() != "exit status "+code {
		t.Errorf("with a faulty configuration: %v, want exit status %s", err, code)
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
