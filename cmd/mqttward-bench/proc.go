package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// parseStat reads the process group from /proc/PID/stat.
func parseStat(text string) (group int, err error) {
	// The second field is the program's name in brackets, and may hold anything.
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	const groupField = 2 // counted from the state
	if end < 0 || len(fields) <= groupField {
		return 0, fmt.Errorf("read a process's stat: %d fields after its name", len(fields))
	}
	if group, err = strconv.Atoi(fields[groupField]); err != nil {
		return 0, fmt.Errorf("read a process's stat: %w", err)
	}
	return group, nil
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

// member is a process of a group, its folder in /proc.
type member string

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
		if g, err := parseStat(string(text)); err == nil && g == group {
			all = append(all, member(filepath.Dir(name)))
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("measure process group %d: %w", group, os.ErrProcessDone)
	}
	return all, nil
}

// processorTime returns the seconds that the processes of a group have had of a processor.
func processorTime(group int) (seconds float64, err error) {
	all, err := members(group)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		pid, err := strconv.Atoi(filepath.Base(string(m)))
		if err != nil {
			return 0, err
		}
		t, err := processorClock(pid)
		if err != nil {
			return 0, err
		}
		seconds += t.Seconds()
	}
	return seconds, nil
}

// memory returns the bytes of the processes of a group, shared pages in proportion (Pss).
func memory(group int) (bytes int64, err error) {
	all, err := members(group)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		n, err := m.kilobytes("smaps_rollup", "Pss")
		if err != nil {
			return 0, err
		}
		bytes += n
	}
	return bytes, nil
}

// kilobytes reads one line of a file of the process, in bytes.
func (m member) kilobytes(file, name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(string(m), file))
	if err != nil {
		return 0, err
	}
	return parseKilobytes(text, name)
}

// forgetPeak has peakMemory begin anew.
func forgetPeak(group int) error {
	all, err := members(group)
	if err != nil {
		return err
	}
	for _, m := range all {
		const peak = "5" // see proc_pid_clear_refs(5)
		if err := os.WriteFile(filepath.Join(string(m), "clear_refs"), []byte(peak), 0); err != nil {
			return err
		}
	}
	return nil
}

// peakMemory returns the most bytes that the processes of a group have held since forgetPeak,
// shared pages in full (VmHWM).
func peakMemory(group int) (bytes int64, err error) {
	all, err := members(group)
	if err != nil {
		return 0, err
	}
	for _, m := range all {
		n, err := m.kilobytes("status", "VmHWM")
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
		if entries, err = os.ReadDir(filepath.Join(string(m), "fd")); err != nil {
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
