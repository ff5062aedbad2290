package handover

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Program is what a successor is started from.
type Program struct {
	// Path is absolute, and may be a symbolic link: what it leads to then is started.
	Path string
	// Args are all arguments, the program's name included.
	Args []string
}

// Self is the program of this process, wherever its path leads by then. It must be called before
// the working folder changes.
func Self() (Program, error) {
	path, err := exec.LookPath(os.Args[0])
	if err != nil {
		// It was started by another name than its own.
		if path, err = os.Executable(); err != nil {
			return Program{}, err
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return Program{}, err
	}
	return Program{Path: path, Args: os.Args}, nil
}
