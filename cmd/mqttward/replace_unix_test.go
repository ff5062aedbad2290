//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// owner is a file's user and group.
func owner(info fs.FileInfo) [2]uint32 {
	s := info.Sys().(*syscall.Stat_t)
	return [2]uint32{s.Uid, s.Gid}
}
