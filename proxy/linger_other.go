//go:build !linux

package proxy

// lingerers are for Linux.
type lingerers struct{}

func newLingerers(*wheel) *lingerers { return &lingerers{} }

func (*lingerers) take(*connection, int) bool { return false }
func (*lingerers) close()                     {}
