//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// follower reads a log that grows, and counts lines by the words that it was told of.
type follower struct {
	t      *testing.T
	file   *os.File
	half   []byte // of a line
	counts map[string]int
	bad    []string // the first lines that no soak should have

	successor int // the process of the last upgrade
}

// The words that are counted.
const (
	wordReloaded    = "msg=reloaded"
	wordNotReloaded = "not reloaded"
	wordServes      = "upgrade: the new process serves"
	wordStopped     = "msg=stopped"
	wordCut         = "stopped, with sessions cut"
)

// followLog follows the log in a folder.
func followLog(t *testing.T, dir string) *follower {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &follower{t: t, file: file, counts: map[string]int{}}
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
	for _, word := range []string{wordReloaded, wordNotReloaded, wordServes, wordStopped, wordCut} {
		if strings.Contains(line, word) {
			f.counts[word]++
		}
	}
	if pid := successorPID.FindStringSubmatch(line); pid != nil {
		f.successor, _ = strconv.Atoi(pid[1])
	}
	expected := strings.Contains(line, wordNotReloaded) || strings.Contains(line, "msg=configuration")
	if len(f.bad) < 10 && !expected && (strings.Contains(line, "level=ERROR") ||
		strings.Contains(line, "panic") || strings.Contains(line, "DATA RACE") || strings.Contains(line, "internal_error")) {
		f.bad = append(f.bad, line)
	}
}

// usage is what a process holds.
type usage struct {
	resident int // KiB
	files    int
}

func (u usage) String() string {
	return fmt.Sprintf("%.1f MiB, %d descriptors", float64(u.resident)/1024, u.files)
}

// used returns what a process holds now; nothing, where it is no more.
func used(pid int) usage {
	var u usage
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return u
	}
	u.files = len(files)
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, after, ok := strings.Cut(string(status), "VmRSS:"); ok {
		_, _ = fmt.Sscan(after, &u.resident)
	}
	return u
}
