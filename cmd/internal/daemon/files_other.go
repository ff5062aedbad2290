//go:build !unix

package daemon

import "io/fs"

// openFilesLimit is not known: the system has none to ask for.
func openFilesLimit() (int, bool) { return 0, false }

// checkPrivate accepts every file: the system's modes don't tell who may read it.
func checkPrivate(fs.FileInfo) error { return nil }
