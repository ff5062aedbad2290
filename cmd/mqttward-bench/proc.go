package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticksPerSecond is USER_HZ, the unit of the times in /proc/PID/stat: 100 on all that Go
// runs on.
const ticksPerSecond = 100

// parseStat reads /proc/PID/stat: the process group, and the processor time of user and
// system together, in ticks.
func parseStat(text string) (group int, ticks uint64, err error) {
	// The second field is the program's name in brackets, and may hold anything.
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	const groupField, userField, systemField = 2, 11, 12 // counted from the state
	if end < 0 || len(fields) <= systemField {
		return 0, 0, fmt.Errorf("read a process's stat: %d fields after its name", len(fields))
	}
	group, err = strconv.Atoi(fields[groupField])
	user, err1 := strconv.ParseUint(fields[userField], 10, 64)
	system, err2 := strconv.ParseUint(fields[systemField], 10, 64)
	if err := errors.Join(err, err1, err2); err != nil {
		return 0, 0, fmt.Errorf("read a process's stat: %w", err)
	}
	return group, user + system, nil
}

// parseKilobytes sums the named lines of /proc/PID/smaps_rollup or /proc/meminfo, in bytes.
// All of them must be there.
func parseKilobytes(text []byte, names ...string) (sum int64, err error) {
	found := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		for _, wanted := range names {
			if name != wanted {
				continue
			}
			value, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil || unit != "kB" {
				return 0, fmt.Errorf("read %q: %q is no number of kB", name, rest)
			}
			sum += n << 10
			found++
		}
	}
	if found != len(names) {
		return 0, fmt.Errorf("find %q: %d of them are there", names, found)
	}
	return sum, nil
}

// member is a process of a group.
type member struct {
	folder string // in /proc
	ticks  uint64
}

// members returns the processes of a group.
func members(group int) ([]member, error) {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []member
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended since
		}
		if g, ticks, err := parseStat(string(text)); err == nil && g == group {
			all = append(all, member{filepath.Dir(name), ticks})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("measure process group %d: %w", group, os.ErrProcessDone)
	}
	return all, nil
}

// processorTime returns the seconds that the processes of a group have had of a processor,
// in steps of a hundredth.
func processorTime(group int) (seconds float64, err error) {
	all, err := members(group)
	for _, m := range all {
		seconds += float64(m.ticks) / ticksPerSecond
	}
	return seconds, err
}

// memory returns the bytes of the processes of a group, shared pages in proportion (Pss).
func memory(group int) (bytes int64, err error) {
	all, err := members(group)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		text, err := os.ReadFile(filepath.Join(m.folder, "smaps_rollup"))
		if err != nil {
			return 0, err
		}
		n, err := parseKilobytes(text, "Pss")
		if err != nil {
			return 0, err
		}
		bytes += n
	}
	return bytes, nil
}

// descriptors returns how many the processes of a group have open.
func descriptors(group int) (n int, err error) {
	all, err := members(group)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		var entries []fs.DirEntry
		if entries, err = os.ReadDir(filepath.Join(m.folder, "fd")); err != nil {
			return 0, err
		}
		n += len(entries)
	}
	return n, nil
}

// kernelMemory returns the bytes that the kernel uses, on the whole machine, for what grows
// with connections: objects such as sockets, stacks of threads, page tables.
func kernelMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	return parseKilobytes(text, "Slab", "KernelStack", "PageTables")
}
