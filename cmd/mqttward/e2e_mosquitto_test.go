package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mqttward/proxy/proxytest"
)

// needMosquitto returns the paths of programs that come with mosquitto. Without one of them
// the test is skipped, unless the environment says that they must be there.
func needMosquitto(t testing.TB, programs ...string) []string {
	t.Helper()
	paths := make([]string, len(programs))
	for i, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil && filepath.Base(name) == "mosquitto" {
			path, err = exec.LookPath("/usr/sbin/mosquitto") // no user's PATH on Debian
		}
		switch {
		case err == nil:
			paths[i] = path
		case os.Getenv("MQTTWARD_E2E") == "mosquitto":
			t.Fatalf("MQTTWARD_E2E=mosquitto, and %v", err)
		default:
			t.Skipf("mosquitto is not installed: %v", err)
		}
	}
	return paths
}

// mosquitto is a mosquitto that runs until its test ends.
type mosquitto struct {
	t       testing.TB
	address string
	logFile string
}

// startMosquitto starts a mosquitto on a loopback port, which logs every packet. Lines are the
// listener's part of its configuration and what follows it; without any, it lets everybody in.
func startMosquitto(t testing.TB, lines ...string) *mosquitto {
	t.Helper()
	if len(lines) == 0 {
		lines = []string{"allow_anonymous true"}
	}
	return startMosquittoLogging(t, []string{"all"}, lines)
}

// startQuietMosquitto is startMosquitto with a log of connections alone.
func startQuietMosquitto(t testing.TB, lines ...string) *mosquitto {
	t.Helper()
	return startMosquittoLogging(t, []string{"error", "warning", "notice", "information"}, lines)
}

func startMosquittoLogging(t testing.TB, kinds, lines []string) *mosquitto {
	t.Helper()
	program := needMosquitto(t, "mosquitto")[0]
	var logs []string
	for _, kind := range kinds {
		logs = append(logs, "log_type "+kind)
	}
	// The port may be taken by somebody else before mosquitto has it.
	for range 5 {
		m := &mosquitto{t: t, address: proxytest.FreeAddress(t), logFile: filepath.Join(t.TempDir(), "log")}
		if m.start(program, logs, lines) {
			return m
		}
	}
	t.Fatal("mosquitto found no free port")
	return nil
}

func (m *mosquitto) start(program string, logs, lines []string) bool {
	m.t.Helper()
	_, port, _ := net.SplitHostPort(m.address)
	conf := append([]string{
		"user root", // it reads the test's files; without effect unless the test is root's
		"log_dest stderr", "log_timestamp false", "connection_messages true",
		"max_queued_messages 0", "max_inflight_messages 0",
	}, logs...)
	conf = append(append(conf, "listener "+port+" 127.0.0.1"), lines...)
	file := writeFile(m.t, "mosquitto.conf", strings.Join(conf, "\n")+"\n")
	log, err := os.Create(m.logFile)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(program, "-c", file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	stop := func() {
		_ = cmd.Process.Kill()
		<-exited
	}
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		select {
		case <-exited:
			if strings.Contains(m.log(), "Address already in use") {
				return false
			}
			m.t.Fatalf("mosquitto ended:\n%s", m.log())
		default:
		}
		if strings.Contains(m.log(), " running\n") {
			break
		}
		if time.Now().After(end) {
			stop()
			m.t.Fatalf("mosquitto did not start:\n%s", m.log())
		}
	}
	m.t.Cleanup(func() {
		stop()
		if m.t.Failed() {
			m.t.Logf("the end of mosquitto's log:\n%s", endOf(m.log()))
		}
	})
	return true
}

func (m *mosquitto) addr() string { return m.address }

// log is what mosquitto has said so far.
func (m *mosquitto) log() string {
	m.t.Helper()
	text, err := os.ReadFile(m.logFile)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m *mosquitto) accepted() int { return countLines(m.log(), "New connection from ") }

func (m *mosquitto) ended(clientID string) int {
	log := m.log()
	return countLines(log, "Client "+clientID+" disconnected") +
		countLines(log, "Client "+clientID+" closed its connection") +
		countLines(log, "Client "+clientID+" has exceeded timeout") +
		countLines(log, "Socket error on client "+clientID)
}

func (m *mosquitto) pings(clientID string) int {
	return countLines(m.log(), "Received PINGREQ from "+clientID+"\n")
}

// waitSubscribed waits until mosquitto has answered a client's SUBSCRIBE.
func (m *mosquitto) waitSubscribed(clientID string) {
	m.t.Helper()
	proxytest.Eventually(m.t, "SUBACK to "+clientID, func() bool {
		return countLines(m.log(), "Sending SUBACK to "+clientID+"\n") > 0
	})
}

// passwordFile makes a file of users by mosquitto's own program. Each user is name:password.
func passwordFile(t testing.TB, users ...string) string {
	t.Helper()
	program := needMosquitto(t, "mosquitto_passwd")[0]
	file := writeFile(t, "passwd", strings.Join(users, "\n")+"\n")
	if out, err := exec.Command(program, "-U", file).CombinedOutput(); err != nil {
		t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
	}
	return file
}

// process is one of mosquitto's clients, run to its end.
type process struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
}

// startClient starts mosquitto_pub or mosquitto_sub against an address.
func startClient(t testing.TB, program, address string, args ...string) *process {
	t.Helper()
	path := needMosquitto(t, program)[0]
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	p := &process{cmd: exec.CommandContext(ctx, path, append([]string{"-h", host, "-p", port}, args...)...)}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait returns the exit code; what was written can be read after it.
func (p *process) wait(t testing.TB) int {
	t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) String() string {
	return fmt.Sprintf("%s: stdout %q, stderr %q", filepath.Base(p.cmd.Path), p.out.String(), p.err.String())
}
