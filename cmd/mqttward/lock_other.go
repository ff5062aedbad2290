//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// tryLock makes a file that only one can make.
func tryLock(folder string) (unlock func(), err error) {
	path := filepath.Join(folder, ".mqttward-users.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case err == nil:
		f.Close()
		return func() { os.Remove(path) }, nil
	case errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("%w; if there is none, remove %s", errLocked, path)
	}
	return nil, err
}
