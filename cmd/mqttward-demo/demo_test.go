package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// tryIn runs the sub-command try.
func tryIn(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"try"}, args...), &out, &errs, nil)
	return code, out.String(), errs.String()
}

func TestTryFindsTheDemoAndSucceeds(t *testing.T) {
	d, _ := startDemo(t, options{TokenLife: longLife})
	for _, args := range [][]string{nil, {d.dir}} {
		code, out, errs := tryIn(args...)
		if code != exitOK || errs != "" || strings.Count(out, "\n      same\n") != len(d.lines) {
			t.Errorf("try %q: got %d, stderr %q, want %d and %d lines that are the same:\n%s", args, code, errs, exitOK, len(d.lines), out)
		}
	}
}

func TestTryFailsWhereALineDiffers(t *testing.T) {
	d, _ := startDemo(t, options{TokenLife: longLife})
	good := d.lines[0]
	wrong := good
	wrong.Want.Code = packets.ConnackNotAuthorized
	dead := good
	dead.Address = proxytest.FreeAddress(t)
	for _, tc := range []struct {
		name string
		line line
		want string
	}{
		{"another code", wrong, "expected: refused, 0x05: Connection Refused, not authorized\n      got:      let in\n      DIFFERENT\n"},
		{"nobody listens", dead, "connection refused\n      DIFFERENT\n"},
	} {
		var out bytes.Buffer
		if code := tryLines([]line{good, tc.line}, &out); code != exitFailed {
			t.Errorf("%s: exit code %d, want %d", tc.name, code, exitFailed)
		}
		if got := out.String(); !strings.Contains(got, tc.want) || !strings.Contains(got, "\n1 of 2 lines differ.\n") {
			t.Errorf("%s: got\n%s\nwant %q and that 1 of 2 lines differ", tc.name, got, tc.want)
		}
	}
}

func TestTryWithoutADemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if code, _, errs := tryIn(); code != exitFailed || !strings.Contains(errs, "no demo runs") {
		t.Errorf("got %d, %q; want %d and that no demo runs", code, errs, exitFailed)
	}
	if code, _, errs := tryIn(t.TempDir()); code != exitFailed || !strings.Contains(errs, linesFile) {
		t.Errorf("an empty folder: got %d, %q; want %d and the name of the file", code, errs, exitFailed)
	}
}

func TestTakenPortsAreReplaced(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	d, _ := startDemo(t, options{PlainPort: port, TokenLife: longLife})
	var shown bytes.Buffer
	d.show(&shown)
	if got := d.address("plain"); got == l.Addr().String() || !strings.Contains(shown.String(), d.lines[0].command()) || d.lines[0].Address != got {
		t.Errorf("the plain listener is at %s and the first line goes to %s; want both at one free port", got, d.lines[0].Address)
	}
	if !strings.Contains(shown.String(), "these are taken by others") {
		t.Errorf("nothing is said of the port that was taken:\n%s", &shown)
	}
}

func TestConfigurationsInTheFolderAreGood(t *testing.T) {
	d, _ := startDemo(t, options{TokenLife: longLife})
	for _, w := range []*ward{d.open, d.bound} {
		if _, err := config.Load(w.file, config.LoadOptions{LookupEnv: noEnvironment}); err != nil {
			t.Errorf("%s: %v", w.file, err)
		}
	}
}

func TestInterruptEndsTheDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	proxytest.CheckLeaks(t)
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	var out bytes.Buffer
	log := &logBuffer{}
	if code := run(nil, &out, log, signals); code != exitOK {
		t.Errorf("exit code %d, want %d:\n%s", code, exitOK, log)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if got := strings.Count(log.String(), "msg=stopped"); got != 2 {
		t.Errorf("%d of 2 mqttwards say that they stopped:\n%s", got, log)
	}
}

func TestUsage(t *testing.T) {
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"-h"}, exitOK, "Usage: mqttward-demo", ""},
		{[]string{"help"}, exitOK, "Usage: mqttward-demo", ""},
		{[]string{"tyr"}, exitUsage, "", `unexpected arguments ["tyr"]`},
		{[]string{"try", "a", "b"}, exitUsage, "", `unexpected arguments ["try" "a" "b"]`},
	} {
		var out, errs bytes.Buffer
		code := run(tc.args, &out, &errs, nil)
		if code != tc.code || !strings.Contains(out.String(), tc.stdout) || !strings.Contains(errs.String(), tc.stderr) {
			t.Errorf("%q: got %d, stdout %q, stderr %q; want %d, %q, %q", tc.args, code, &out, &errs, tc.code, tc.stdout, tc.stderr)
		}
	}
}
