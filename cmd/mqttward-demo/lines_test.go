package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"mqttward/packets"
)

// TestLinesDoAsTheyAreSaidTo tries each line by the demo's own client, and looks at the log.
func TestLinesDoAsTheyAreSaidTo(t *testing.T) {
	d, log := startDemo(t, options{TokenLife: longLife})
	for i, l := range d.lines {
		since := log.mark()
		name := fmt.Sprintf("line-%d", i+1)
		code, err := attempt(l, name)
		if err != nil || code != l.Want.Code {
			t.Errorf("line %d, %s: got %s, %v; want %s", i+1, l.command(), told(code), err, told(l.Want.Code))
		}
		// The verdict is logged before the client is told.
		want := "msg=connected"
		if l.Want.Reason != "" {
			want = "msg=refused"
		}
		verdict := regexp.MustCompile(want + ` .*client_id=` + name + ` .*`).FindString(since())
		if verdict == "" || l.Want.Reason != "" && !strings.Contains(verdict, " reason="+l.Want.Reason+" ") {
			t.Errorf("line %d, %s: logged %q, want %s with reason %q", i+1, l.Shows, since(), want, l.Want.Reason)
		}
	}
}

// Every version is let in and refused, in clear and over TLS.
func TestLinesCoverEveryWayIn(t *testing.T) {
	type way struct {
		version packets.Version
		tls, in bool
	}
	have := map[way]bool{}
	for _, l := range lines(places{}, "ca.pem", time.Now()) {
		have[way{l.Version, l.CAFile != "", l.Want.Code == packets.Success}] = true
	}
	for _, v := range []packets.Version{packets.V31, packets.V311, packets.V5} {
		for _, w := range []way{{v, false, true}, {v, true, true}, {v, false, false}} {
			if !have[w] {
				t.Errorf("no line with version %v, TLS %v, let in %v", v, w.tls, w.in)
			}
		}
	}
}

// printedLine finds a line to paste and what is said of it in the demo's output.
var printedLine = regexp.MustCompile(`(?m)^ *(\d+)\. .*\n {6}(mosquitto_.*)\n {6}-> prints (nothing|".*"), exit code (\d+)`)

// TestPastedLinesDoAsTheyPrint runs what the demo prints as a person would.
func TestPastedLinesDoAsTheyPrint(t *testing.T) {
	needMosquitto(t)
	d, log := startDemo(t, options{TokenLife: longLife})
	var shown bytes.Buffer
	d.show(&shown)
	printed := printedLine.FindAllStringSubmatch(shown.String(), -1)
	if got, want := len(printed), len(d.lines); got != want {
		t.Fatalf("%d lines are printed, want %d:\n%s", got, want, &shown)
	}
	for i, p := range printed {
		since := log.mark()
		text, exit := paste(t, p[2])
		text, more, _ := strings.Cut(text, "\n")
		if more != "" && !(exit != 0 && strings.HasPrefix(more, "Error: ")) {
			t.Errorf("line %s, %s: printed %q beyond the first line", p[1], p[2], more)
		}
		said := "nothing"
		if text != "" {
			said = fmt.Sprintf("%q", text)
		}
		if said != p[3] || fmt.Sprint(exit) != p[4] {
			t.Errorf("line %s, %s: printed %s, exit code %d; want %s, exit code %s", p[1], p[2], said, exit, p[3], p[4])
		}
		if r := d.lines[i].Want.Reason; r != "" && !strings.Contains(since(), " reason="+r+" ") {
			t.Errorf("line %s, %s: logged %q, want reason=%s", p[1], p[2], since(), r)
		}
	}
}

// paste runs a command line, and returns what it prints and its exit code.
func paste(t *testing.T, command string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	if exit != nil {
		return strings.TrimSpace(string(out)), exit.ExitCode()
	}
	return strings.TrimSpace(string(out)), 0
}

// TestWatchedTokenExpires waits, with the watcher, until its token has expired.
func TestWatchedTokenExpires(t *testing.T) {
	d, log := startDemo(t, options{TokenLife: 2 * time.Second})
	c, err := dial(d.watch.line)
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	if code, err := c.connect(d.watch.line, "watcher"); err != nil || code != packets.Success {
		t.Fatalf("connect: got %s, %v; want to be let in", told(code), err)
	}
	got, err := c.read()
	want := packets.AppendDisconnect(nil, packets.MaximumConnectTime)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("at the token's expiry: got % x, %v; want % x", got, err, want)
	}
	if code, err := attempt(d.watch.line, "late"); err != nil || code != packets.NotAuthorized {
		t.Errorf("after it: got %s, %v; want %s", told(code), err, told(packets.NotAuthorized))
	}
	if !strings.Contains(log.String(), "reason=token_expired") {
		t.Errorf("the log says nothing of token_expired")
	}
}
