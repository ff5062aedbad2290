//go:build linux

package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// follower reads a log that grows, and counts lines by the words that it was told of.
type follower struct {
	file     *os.File
	half     []byte // of a line
	counts   map[string]int
	bad      []string        // the first lines that no soak should have
	problems []string        // of the configurations that were refused
	engines  map[string]bool // that processes began with

	successor int // the process of the last upgrade
	sessions  int // that the process before it had
	forced    int // sessions that had to be cut in drains
}

// The words that are counted.
const (
	wordReloaded    = "msg=reloaded"
	wordNotReloaded = "not reloaded"
	wordServes      = "upgrade: the new process serves"
	wordNoUpgrade   = "upgrade: no new process"
	wordStopped     = "msg=stopped"
	wordCut         = "stopped, with sessions cut"
	wordChanged     = `msg="files have changed"`
	wordFetchFailed = `msg="jwks fetch failed"`
	wordBanned      = `msg="address banned"`
)

var soakWords = []string{wordReloaded, wordNotReloaded, wordServes, wordNoUpgrade, wordStopped, wordCut, wordChanged, wordFetchFailed, wordBanned}

var (
	tlsAddress   = regexp.MustCompile(`msg=listening pid=\d+ listener=tls address=(\S+)`)
	adminAddress = regexp.MustCompile(`msg=admin pid=\d+ address=(\S+)`)
	relayEngine  = regexp.MustCompile(`msg=starting .* relay="(\w+):`)
	sessionsCut  = regexp.MustCompile(`stopped, with sessions cut" pid=\d+ sessions=(\d+)`)
	sessionsLeft = regexp.MustCompile(`this one ends" pid=\d+ new_pid=\d+ sessions=(\d+)`)
)

// followLog follows the log in a folder.
func followLog(t *testing.T, dir string) *follower {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &follower{file: file, counts: map[string]int{}, engines: map[string]bool{}}
}

// count reads on, and returns how many lines held a word.
func (f *follower) count(word string) int {
	buf := make([]byte, 64<<10)
	for {
		n, _ := f.file.Read(buf)
		if n == 0 {
			return f.counts[word]
		}
		f.half = append(f.half, buf[:n]...)
		for {
			line, rest, ok := bytes.Cut(f.half, []byte("\n"))
			if !ok {
				break
			}
			f.line(string(line))
			f.half = rest
		}
	}
}

func (f *follower) line(line string) {
	for _, word := range soakWords {
		if strings.Contains(line, word) {
			f.counts[word]++
		}
	}
	if pid := successorPID.FindStringSubmatch(line); pid != nil {
		f.successor, _ = strconv.Atoi(pid[1])
	}
	if n := sessionsLeft.FindStringSubmatch(line); n != nil {
		f.sessions, _ = strconv.Atoi(n[1])
	}
	if n := sessionsCut.FindStringSubmatch(line); n != nil {
		cut, _ := strconv.Atoi(n[1])
		f.forced += cut
	}
	if engine := relayEngine.FindStringSubmatch(line); engine != nil {
		f.engines[engine[1]] = true
	}
	isError := strings.Contains(line, "level=ERROR")
	if isError && strings.Contains(line, "msg=configuration") {
		f.problems = append(f.problems, line)
		return
	}
	expected := strings.Contains(line, wordNotReloaded) || strings.Contains(line, wordNoUpgrade)
	if len(f.bad) < 10 && !expected && (isError || strings.Contains(line, "panic") ||
		strings.Contains(line, "DATA RACE") || strings.Contains(line, "internal_error")) {
		f.bad = append(f.bad, line)
	}
}

// forget forgets what was wrong with configurations.
func (f *follower) forget() {
	f.count("")
	f.problems = nil
}
