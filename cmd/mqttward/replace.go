package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// creation says what becomes of a file that is there, or is not.
type creation byte

const (
	mustExist creation = iota // a file that is not there is an error
	mayExist                  // one that is not there is made
	mustBeNew                 // one that is there is an error
)

// rewrite replaces a file by what edit makes of it, as a whole or not at all: it is written beside
// the old one, with its mode and owner, and renamed into place. A new file is its owner's alone.
// Two that rewrite files of one folder wait for each other.
func rewrite(path string, how creation, edit func(r io.Reader, w io.Writer) error) error {
	path, err := resolve(path, how)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	unlock, err := lockFolder(folder)
	if err != nil {
		return err
	}
	defer unlock()
	old, info, err := openOld(path, how)
	if err != nil {
		return err
	}
	if old != nil {
		defer old.Close()
	}
	made, err := os.CreateTemp(folder, ".mqttward-users-*")
	if err != nil {
		return fmt.Errorf("write beside %s: %w", path, err)
	}
	defer os.Remove(made.Name()) // renamed, there is none of that name
	defer made.Close()
	var from io.Reader = strings.NewReader("")
	if old != nil {
		from = old
	}
	if err := edit(from, made); err != nil {
		return err
	}
	return swap(path, old, info, made)
}

// resolve follows symbolic links, so that it is their target that is replaced.
func resolve(path string, how creation) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	switch {
	case err == nil:
		return real, nil
	case !errors.Is(err, fs.ErrNotExist) || how == mustExist:
		return "", err
	}
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("%s is a link to nowhere", path)
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(folder, filepath.Base(path)), err
}

// openOld opens the file that is to be replaced; nil where there is none.
func openOld(path string, how creation) (*os.File, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && how != mustExist:
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case how == mustBeNew:
		return nil, nil, fmt.Errorf("%s is there already: name a new file, or remove it first", path)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("%s is not a file", path)
	}
	old, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err = old.Stat()
	return old, info, err
}

// swap puts a file that was written into the place of the old one, which is nil where there is
// none.
func swap(path string, old *os.File, info fs.FileInfo, made *os.File) error {
	if old != nil {
		if err := keepOwner(made, info); err != nil {
			return fmt.Errorf("keep the owner of %s: %w", path, err)
		}
		if err := made.Chmod(info.Mode().Perm()); err != nil {
			return fmt.Errorf("keep the mode of %s: %w", path, err)
		}
	}
	if err := made.Sync(); err != nil {
		return err
	}
	if err := made.Close(); err != nil {
		return err
	}
	if old != nil {
		now, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !os.SameFile(now, info) || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
			return fmt.Errorf("another program has changed %s meanwhile: nothing was changed, try again", path)
		}
		old.Close() // some systems don't replace a file that is open
	}
	if err := os.Rename(made.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// lockPatience is how long a writer waits for another one.
const lockPatience = 30 * time.Second

// lockFolder waits until nobody else of us writes in a folder.
func lockFolder(folder string) (unlock func(), err error) {
	for end := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		unlock, err := tryLock(folder)
		if err == nil || !errors.Is(err, errLocked) {
			return unlock, err
		}
		if time.Now().After(end) {
			return nil, err
		}
	}
}

// errLocked means that another process has the lock.
var errLocked = errors.New("another mqttward is writing in this folder")
