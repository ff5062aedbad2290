package config

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are the units of sizes. KB and the like are not among them: to some they mean
// 1,000 bytes and to others 1,024.
var sizeUnits = []struct {
	name  string
	bytes int
}{
	{"MiB", 1 << 20},
	{"KiB", 1 << 10},
	{"B", 1},
}

var errUnit = errors.New("not a number with a unit")

// parseDuration reads a duration such as "1m30s". Unlike time.ParseDuration it wants a unit
// after a zero too.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || strings.Trim(s, "+-0.") == "" {
		return 0, errUnit
	}
	return d, nil
}

// formatDuration writes a duration as a person would: 5m and not 5m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// parseSize reads a size such as "64KiB": a whole number and a unit.
func parseSize(s string) (int, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimRight(digits, " "), 10, 31)
		if err != nil || n > math.MaxInt32/uint64(u.bytes) {
			return 0, errUnit
		}
		return int(n) * u.bytes, nil
	}
	return 0, errUnit
}

// formatSize writes a size in its largest unit that fits evenly.
func formatSize(n int) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n) + "B"
}
