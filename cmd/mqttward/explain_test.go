package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mqttward/auth"
	"mqttward/cmd/internal/daemon"
	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Every reason has a script that shows what explain says of it.
func TestEveryReasonIsExplained(t *testing.T) {
	for _, r := range auth.Reasons() {
		text, err := os.ReadFile(filepath.Join("testdata", "script", "explain_"+r.String()+".txtar"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^(verdict|reason|) .*\b` + r.String() + `\b`).Match(text) {
			t.Errorf("%v: the script does not show the reason", r)
		}
	}
}

// refused does at the socket of a daemon what the arguments of explain say, in each version that the
// client may speak, and demands the reason in the log, and the answers that the file want has.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused REASON ARGUMENTS OF EXPLAIN")
	}
	f := newExplainFlags(io.Discard)
	ts.Check(f.set.Parse(args[1:]))
	r := serveScript(ts, *f.config)
	defer r.stop()
	for _, p := range clientPackets(ts, f) {
		conn, err := net.Dial("tcp", r.addr)
		ts.Check(err)
		_, err = conn.Write(p.bytes)
		ts.Check(err)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(conn)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			ts.Fatalf("the client was not refused")
		}
		conn.Close()
		if want := wantedAnswer(ts, p.version); !bytes.Equal(answer, want) {
			ts.Fatalf("MQTT %v: the answer is % x, want % x as explained", p.version, answer, want)
		}
		r.expectReason(ts, args[0])
	}
}

// clientPacket is what a client sends, and in which version; zero where none is known.
type clientPacket struct {
	version packets.Version
	bytes   []byte
}

// clientPackets are what the flags of explain describe: one packet, or a CONNECT in each version.
func clientPackets(ts *testscript.TestScript, f *explainFlags) []clientPacket {
	if f.connect != "" {
		p, err := parsePacket([]byte(ts.ReadFile(f.connect)))
		ts.Check(err)
		var c packets.Connect
		var perr *packets.Error
		if err := packets.ParseConnect(p, &c); errors.As(err, &perr) {
			c.Version = perr.Version
		}
		return []clientPacket{{c.Version, p}}
	}
	var all []clientPacket
	for _, v := range []packets.Version{packets.V31, packets.V311, packets.V5} {
		c := packets.Connect{Version: v, CleanStart: true, ClientID: []byte(f.clientID),
			HasUserName: f.given("username"), UserName: []byte(f.username)}
		if f.passwordStdin {
			c.HasPassword, c.Password = true, []byte(strings.TrimSuffix(ts.ReadFile("password"), "\n"))
		}
		all = append(all, clientPacket{v, packets.AppendConnect(nil, &c)})
	}
	return all
}

// connackLine is a line of explain about an answer.
var connackLine = regexp.MustCompile(`(?m)^(?:connack)? +MQTT ([0-9.]+) +(?:0x([0-9a-f]{2}) )?`)

// wantedAnswer is what the file want says that a client is answered. One whose version is not
// served is answered as 3.1.1 is.
func wantedAnswer(ts *testscript.TestScript, v packets.Version) []byte {
	if v == 0 {
		v = packets.V311
	}
	for _, m := range connackLine.FindAllStringSubmatch(ts.ReadFile("want"), -1) {
		if m[1] != v.String() {
			continue
		}
		if m[2] == "" {
			return nil
		}
		code, err := parsePacket([]byte(m[2]))
		ts.Check(err)
		return packets.AppendConnack(nil, v, packets.ReasonCode(code[0]), "")
	}
	ts.Fatalf("the file want has no answer for MQTT %v", v)
	return nil
}

// scriptDaemon is a daemon that serves beside a script.
type scriptDaemon struct {
	addr string
	log  *proxytest.Log
	seen int // lines with a reason
	stop func()
}

// serveScript serves the configuration of that name.
func serveScript(ts *testscript.TestScript, name string) *scriptDaemon {
	c, err := config.Load(ts.MkAbs(name), config.LoadOptions{})
	ts.Check(err)
	r := &scriptDaemon{log: &proxytest.Log{}}
	c.Log.Format, c.Log.Level = config.LogText, slog.LevelInfo
	d, err := daemon.New(c, daemon.Options{Log: daemon.NewLogger(c.Log, r.log)})
	ts.Check(err)
	ts.Check(d.Listen(context.Background()))
	r.addr = d.Addr("mqtt").String()
	signals, ended := make(chan os.Signal), make(chan struct{})
	go func() {
		defer close(ended)
		_ = d.Run(signals)
	}()
	r.stop = func() {
		signals <- syscall.SIGTERM
		<-ended
	}
	return r
}

// expectReason waits for one more refusal in the log, and demands that it is this one.
func (r *scriptDaemon) expectReason(ts *testscript.TestScript, reason string) {
	r.seen++
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		var refusals []string
		for line := range strings.Lines(r.log.String()) {
			if strings.Contains(line, "msg=refused") {
				refusals = append(refusals, line)
			}
		}
		switch {
		case len(refusals) >= r.seen && strings.Contains(refusals[r.seen-1], " reason="+reason+" "):
			return
		case len(refusals) >= r.seen:
			ts.Fatalf("got %swant the reason %s", refusals[r.seen-1], reason)
		case time.Now().After(deadline):
			ts.Fatalf("no refusal in the log:\n%s", r.log)
		}
	}
}
