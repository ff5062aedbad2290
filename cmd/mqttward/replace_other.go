//go:build !unix

package main

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: who owns a file follows from its folder here.
func keepOwner(*os.File, fs.FileInfo) error { return nil }

// syncFolder does nothing: folders can't be synced here.
func syncFolder(string) error { return nil }
