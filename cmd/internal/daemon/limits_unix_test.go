//go:build unix

package daemon

import (
	"syscall"
	"testing"
)

// allowFiles sets how many files may be open until the test ends.
func allowFiles(t *testing.T, n uint64) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	now := before
	now.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Skipf("can't allow %d open files: %v", n, err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Errorf("restore the limit of open files: %v", err)
		}
	})
}

func TestLimitsFollowTheOpenFiles(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		files                   uint64
		text                    string
		connections, handshakes int
		warnings                string
	}{
		{"enough", 10_000, "", (10_000 - 64 - 1024 - 512) / 2, 1024, ""},
		{"handshakes give way", 2000, "", (2000 - 64 - 500 - 250) / 2, 500, "c.toml: limits.max_handshakes\nc.toml: limits.max_connections\n"},
		{"a written one that fits", 10_000, "[limits]\nmax_connections = 4200\n", 4200, 1024, ""},
		{"a written one that does not", 10_000, "[limits]\nmax_connections = 4201\n", 4201, 1024, "c.toml:9: limits.max_connections\n"},
		{"few files", 70, "[limits]\nmax_handshakes = 4\n", 1, 4, "c.toml:8: limits.max_connections\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := parse(t, t.TempDir(), plain("127.0.0.1:1")+tc.text)
			b := &builder{config: c}
			allowFiles(t, tc.files)
			l := b.limits()
			if l.MaxConnections != tc.connections || l.MaxHandshakes != tc.handshakes {
				t.Errorf("%d files: got %d connections and %d handshakes, want %d and %d",
					tc.files, l.MaxConnections, l.MaxHandshakes, tc.connections, tc.handshakes)
			}
			if got := places("", b.warnings); got != tc.warnings {
				t.Errorf("%d files: warnings %q, want %q", tc.files, got, tc.warnings)
			}
		})
	}
}
