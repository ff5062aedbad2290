//go:build unix

package daemon

import (
	"io/fs"
	"syscall"
	"testing"
	"time"
)

// fileOf is a file with an owner, as far as it is judged.
type fileOf struct {
	mode fs.FileMode
	uid  uint32
}

func (f fileOf) Name() string       { return "file" }
func (f fileOf) Size() int64        { return 0 }
func (f fileOf) Mode() fs.FileMode  { return f.mode }
func (f fileOf) ModTime() time.Time { return time.Time{} }
func (f fileOf) IsDir() bool        { return false }
func (f fileOf) Sys() any           { return &syscall.Stat_t{Uid: f.uid} }

// A Secret of mode 0400 is root's in a pod with an fsGroup, and of mode 0440.
func TestCheckPrivate(t *testing.T) {
	for _, c := range []struct {
		fileOf
		private bool
	}{
		{fileOf{0o600, 0}, true}, {fileOf{0o400, 0}, true}, {fileOf{0o440, 0}, true}, {fileOf{0o640, 0}, true},
		{fileOf{0o660, 0}, false}, {fileOf{0o644, 0}, false}, {fileOf{0o604, 0}, false}, {fileOf{0o610, 0}, false},
		{fileOf{0o600, 7}, true}, {fileOf{0o400, 7}, true}, {fileOf{0o440, 7}, false}, {fileOf{0o640, 7}, false},
	} {
		if err := checkPrivate(c); (err == nil) != c.private {
			t.Errorf("mode %04o of %d: %v, want private %v", c.mode, c.uid, err, c.private)
		}
	}
}
