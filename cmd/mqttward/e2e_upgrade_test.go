//go:build unix

package main_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// lineage is a mqttward of its own process, and those that follow it. Their log stays where the tests
// run with -artifacts.
type lineage struct {
	t       *testing.T
	dir     string
	file    string // the configuration
	first   *exec.Cmd
	address string
	pid     int // of the newest
	over    chan error
}

// startLineage runs a configuration, with env added to the environment.
func startLineage(t *testing.T, text string, prepare func(*exec.Cmd)) *lineage {
	t.Helper()
	l := &lineage{t: t, dir: t.ArtifactDir(), over: make(chan error, 1)}
	l.file = filepath.Join(l.dir, "mqttward.toml")
	l.configure(text)
	log, err := os.Create(filepath.Join(l.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	l.first = exec.Command("mqttward", "serve", "-c", l.file)
	l.first.Stderr = log // a file, so that whoever follows can go on with it
	if prepare != nil {
		prepare(l.first)
	}
	if err := l.first.Start(); err != nil {
		t.Fatal(err)
	}
	l.pid = l.first.Process.Pid
	go func() { l.over <- l.first.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(l.pid, syscall.SIGKILL)
		_ = l.first.Process.Kill()
		if t.Failed() {
			t.Logf("the end of the log:\n%s", endOf(l.log()))
		}
	})
	proxytest.Eventually(t, "it listens", func() bool { return l.lines("msg=listening") > 0 })
	l.address = regexp.MustCompile(`msg=listening pid=\d+ listener=plain address=(\S+)`).FindStringSubmatch(l.log())[1]
	return l
}

func (l *lineage) configure(text string) {
	l.t.Helper()
	if err := os.WriteFile(l.file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lineage) log() string {
	text, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

func (l *lineage) lines(words ...string) int { return countLines(l.log(), words...) }

var successorPID = regexp.MustCompile(`msg="upgrade: the new process serves, this one ends" pid=\d+ new_pid=(\d+)`)

// upgrade has the newest process followed by another one.
func (l *lineage) upgrade() {
	l.t.Helper()
	before := len(successorPID.FindAllString(l.log(), -1))
	if err := syscall.Kill(l.pid, syscall.SIGUSR2); err != nil {
		l.t.Fatal(err)
	}
	var all [][]string
	proxytest.Eventually(l.t, "the new process serves", func() bool {
		all = successorPID.FindAllStringSubmatch(l.log(), -1)
		return len(all) > before
	})
	l.pid, _ = strconv.Atoi(all[before][1])
}

// connectOnce is let in, or says what went wrong. The client leaves by a reset, so that no port waits.
func (l *lineage) connectOnce(id string) error {
	conn, err := net.DialTimeout("tcp", l.address, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(packets.AppendConnect(nil, rawProfile("3.1.1", id))); err != nil {
		return err
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return err
	}
	if want := packets.AppendConnack(nil, packets.V311, packets.Success, ""); string(answer) != string(want) {
		return fmt.Errorf("the answer is % x", answer)
	}
	return conn.(*net.TCPConn).SetLinger(0)
}

func upgradable(broker string, more ...string) string {
	return plainListener + upstreamAt(broker) + sampleTokens + "[log]\nformat = \"text\"\n" + strings.Join(more, "\n")
}

// Section 13 and the issue: not one connect is refused or reset across ten upgrades.
func TestUpgradesLoseNoConnect(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \"20s\"\n"), nil)
	const upgrades, loops = 10, 3
	var stop atomic.Bool
	var connects, failures atomic.Int64
	var looping sync.WaitGroup
	for loop := range loops {
		looping.Go(func() {
			for i := 0; !stop.Load(); i++ {
				connects.Add(1)
				if err := l.connectOnce(fmt.Sprint("c", loop, "-", i)); err != nil && failures.Add(1) < 10 {
					t.Errorf("connect %d of loop %d: %v", i, loop, err)
				}
			}
		})
	}
	for range upgrades {
		before := connects.Load()
		l.upgrade()
		proxytest.Eventually(t, "others connect", func() bool { return connects.Load() > before+200*loops })
	}
	stop.Store(true)
	looping.Wait()
	if err := l.wait(); err != nil {
		t.Errorf("the first process: %v, want exit code 0", err)
	}
	if got := len(successorPID.FindAllString(l.log(), -1)); got != upgrades {
		t.Errorf("%d upgrades, want %d", got, upgrades)
	}
	t.Logf("%d connects, %d failed, across %d upgrades", connects.Load(), failures.Load(), upgrades)
	if err := syscall.Kill(l.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "all have stopped", func() bool { return l.lines("msg=stopped") == upgrades+1 })
	stopped := map[string]bool{}
	for _, line := range regexp.MustCompile(`msg=stopped pid=\d+`).FindAllString(l.log(), -1) {
		stopped[line] = true
	}
	if len(stopped) != upgrades+1 || !stopped[fmt.Sprint("msg=stopped pid=", l.pid)] {
		t.Errorf("the last lines of %d processes tell %d apart: %v", upgrades+1, len(stopped), stopped)
	}
}

// wait returns how the first process ended.
func (l *lineage) wait() error {
	l.t.Helper()
	select {
	case err := <-l.over:
		return err
	case <-time.After(patience):
		l.t.Fatal("the first process goes on")
		return nil
	}
}

// Whoever was accepted before the upgrade and has yet to say something is served by whom accepted it.
func TestUpgradeServesWhomTheOldProcessHasAccepted(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \"9s\"\n[admin]\nbind = \"127.0.0.1:0\"\n"), nil)
	admin := regexp.MustCompile(`msg=admin pid=\d+ address=(\S+)`).FindStringSubmatch(l.log())[1]
	connect := packets.AppendConnect(nil, rawProfile("5.0", "slow"))
	silent := dialRaw(t, l.address, nil)
	begun := dialRaw(t, l.address, connect[:7])
	live := dialRaw(t, l.address, packets.AppendConnect(nil, rawProfile("5.0", "live")))
	readCode(t, live) // it came last: the others were accepted
	l.upgrade()
	for name, rest := range map[net.Conn][]byte{silent: connect, begun: connect[7:]} {
		if _, err := name.Write(rest); err != nil {
			t.Fatal(err)
		}
		if code := readCode(t, name); code != 0 {
			t.Errorf("refused with %#x, want 0", code)
		}
	}
	for _, conn := range []net.Conn{live, silent, begun} {
		got, err := io.ReadAll(conn)
		if !strings.HasSuffix(string(got), "\xe0\x02\x8b\x00") {
			t.Errorf("a live session ended with % x, %v; want DISCONNECT 0x8B", got, err)
		}
		conn.Close()
	}
	if err := l.wait(); err != nil {
		t.Errorf("the first process: %v, want exit code 0", err)
	}
	if err := l.connectOnce("new"); err != nil {
		t.Error(err)
	}
	ready, err := http.Get("http://" + admin + "/readyz")
	if err != nil {
		t.Fatalf("the admin listener after an upgrade: %v", err)
	}
	defer ready.Body.Close()
	if ready.StatusCode != http.StatusOK {
		t.Errorf("readyz after an upgrade: %s", ready.Status)
	}
}

func TestASuccessorThatFailsLeavesTheOldProcessServing(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	good := upgradable(b.Addr(), "[shutdown]\ndrain_timeout = \"1s\"\n")
	l := startLineage(t, good, nil)
	live := dialRaw(t, l.address, packets.AppendConnect(nil, rawProfile("3.1.1", "live")))
	readCode(t, live)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for i, bad := range []string{
		"nonsense",
		good + "[[listener]]\nname = \"second\"\nbind = \"" + taken.Addr().String() + "\"\n",
	} {
		l.configure(bad)
		if err := syscall.Kill(l.pid, syscall.SIGUSR2); err != nil {
			t.Fatal(err)
		}
		proxytest.Eventually(t, "the log tells of it", func() bool { return l.lines("upgrade: no new process") == i+1 })
		if err := l.connectOnce("after"); err != nil {
			t.Errorf("after a failed upgrade: %v", err)
		}
	}
	ping := []byte{0xC0, 0}
	if _, err := live.Write(ping); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(live, ping); err != nil {
		t.Errorf("a live session across failed upgrades: %v", err)
	}
	l.configure(good)
	l.upgrade()
	if err := l.connectOnce("after"); err != nil {
		t.Error(err)
	}
}

// A key set that can't be had by the new process is no reason to judge by none.
func TestASuccessorWithoutKeysIsNotReady(t *testing.T) {
	b := proxytest.NewBroker(t, proxytest.BrokerOptions{})
	l := startLineage(t, upgradable(b.Addr()), nil)
	l.configure(plainListener + upstreamAt(b.Addr()) + "[auth.jwt]\njwks_url = \"http://127.0.0.1:1/\"\n[log]\nformat = \"text\"\n")
	if err := syscall.Kill(l.pid, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	proxytest.Eventually(t, "the new process has begun", func() bool { return l.lines("msg=starting") == 2 })
	for range 20 {
		if err := l.connectOnce("c"); err != nil {
			t.Fatal(err)
		}
	}
	// A signal that stops ends both.
	if err := syscall.Kill(l.pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := l.wait(); err != nil {
		t.Errorf("the first process: %v, want exit code 0", err)
	}
	if conn, err := net.Dial("tcp", l.address); err == nil {
		conn.Close()
		t.Error("somebody listens yet")
	} else if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
}
