package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mqttward/proxy/proxytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mqttward": main})
}

// TestScript runs the scripts of the command line. Beside what testscript knows, they have:
//
//	exits CODE COMMAND...   runs a command, which must exit with CODE
//	await ADDRESS           waits until something listens there
//	terminate               sends SIGTERM to what runs in the background
//	refused REASON ARGS...  does at the socket what these arguments of explain describe
//
// and the variables CERTS, a folder with the files of writeCerts, FREE, an address of the
// loopback interface where nobody listens, and TAKEN, one where somebody does.
func TestScript(t *testing.T) {
	certs := writeCerts(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("CERTS", certs)
			env.Setenv("MQTTWARD_CONFIG", "")
			// The race detector waits a second at each exit otherwise.
			env.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			return setAddresses(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"await":     await,
			"terminate": terminate,
			"refused":   refused,
		},
	})
}

// setAddresses sets FREE and TAKEN.
func setAddresses(env *testscript.Env) error {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer free.Close() // while both are open, they differ
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { taken.Close() })
	env.Setenv("FREE", free.Addr().String())
	env.Setenv("TAKEN", taken.Addr().String())
	return nil
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("run %q: %v", args[1:], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%q: exit code %d, want %d", args[1:], got, want)
	}
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await ADDRESS")
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", args[0])
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("nobody listens: %v", err)
		}
	}
}

func terminate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: terminate")
	}
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// writeCerts writes certificates and keys: server.pem with its server.key, other.key, which
// is that of another certificate, ca.pem, and lists of what that has revoked: old.crl, whose time is
// over, and new.crl.
func writeCerts(t *testing.T) (dir string) {
	t.Helper()
	ca := proxytest.NewCA(t, "authority")
	dir = t.TempDir()
	cert, key := ca.IssueFiles("server")
	_, other := ca.IssueFiles("other")
	copyFile(t, cert, dir, "server.pem")
	copyFile(t, key, dir, "server.key")
	copyFile(t, other, dir, "other.key")
	copyFile(t, ca.File(), dir, "ca.pem")
	for name, next := range map[string]time.Duration{"old.crl": -time.Minute, "new.crl": 48 * time.Hour} {
		if err := os.WriteFile(filepath.Join(dir, name), ca.CRL(time.Now().Add(next)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyFile(t *testing.T, from, dir, name string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}
