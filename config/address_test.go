package config

import (
	"testing"
	"time"
)

func TestLoopsAreFound(t *testing.T) {
	for _, tt := range []struct {
		bind, upstream string
		want           bool
	}{
		{"127.0.0.1:1883", "127.0.0.1:1883", true},
		{"127.0.0.1:1883", "127.0.0.1:1884", false},
		{"127.0.0.1:1883", "localhost:1883", true},
		{"localhost:1883", "LOCALHOST:1883", true},
		{"127.0.0.1:1883", "127.0.0.2:1883", false},
		{"0.0.0.0:1883", "127.0.0.2:1883", true},
		{"0.0.0.0:1883", "[::1]:1883", false},
		{"0.0.0.0:1883", "localhost:1883", true},
		{"0.0.0.0:1883", "0.0.0.0:1883", true},
		{":1883", "[::1]:1883", true},
		{":1883", "127.0.0.1:1883", true},
		{"[::]:1883", "localhost:1883", true},
		{"[::]:1883", "broker:1883", false},
		{"[::1]:1883", "127.0.0.1:1883", false},
		{"127.0.0.1:1883", "0.0.0.0:1883", true},
		{"[::ffff:127.0.0.1]:1883", "127.0.0.1:1883", true},
		{"10.0.0.1:1883", "10.0.0.1:1883", true},
		{"0.0.0.0:1883", "10.0.0.1:1883", false}, // perhaps ours, perhaps not
		{"broker:1883", "Broker:1883", true},
		{"127.0.0.1:0", "127.0.0.1:0", false},
	} {
		bind, f1 := parseHostPort(tt.bind)
		up, f2 := parseHostPort(tt.upstream)
		if f1+f2 != "" {
			t.Errorf("%s, %s: %s%s", tt.bind, tt.upstream, f1, f2)
		}
		if got := bind.listensOn(up); got != tt.want {
			t.Errorf("bind %s, upstream %s: got %v, want %v", tt.bind, tt.upstream, got, tt.want)
		}
	}
}

func TestDurationsAndSizesReadAsWritten(t *testing.T) {
	for _, d := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 90 * time.Second,
		time.Minute, 10 * time.Minute, time.Hour, 90 * time.Minute, 168 * time.Hour, time.Hour + time.Second} {
		s := formatDuration(d)
		if got, err := parseDuration(s); err != nil || got != d {
			t.Errorf("%v is written %q and read %v, %v", d, s, got, err)
		}
	}
	for want, d := range map[string]time.Duration{"5m": 5 * time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "0s": 0, "20s": 20 * time.Second, "10m10s": 610 * time.Second} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	for s, want := range map[string]int{"0B": 0, "1B": 1, "1KiB": 1024, "64 KiB": 64 << 10, "2MiB": 2 << 20, "2047MiB": 2047 << 20} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("parseSize(%q): got %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "1", "KiB", "-1B", "+1B", "1.5KiB", "1kib", "1KB", "2048MiB", "0x1B", "1_0B"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("parseSize(%q): got %d, want an error", s, got)
		}
	}
	for n, want := range map[int]string{0: "0B", 1: "1B", 1024: "1KiB", 1500: "1500B", 64 << 10: "64KiB", 3 << 20: "3MiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d): got %q, want %q", n, got, want)
		}
	}
}

func TestSuggestions(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"levle", "level"}, {"lvel", "level"}, {"Level", "level"}, {"fromat", "format"}, {"x", ""}, {"colour", ""}, {"levelformat", ""},
	} {
		if got := nearest(tt.name, []string{"format", "level"}); got != tt.want {
			t.Errorf("nearest(%q): got %q, want %q", tt.name, got, tt.want)
		}
	}
}
