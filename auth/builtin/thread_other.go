//go:build !linux

package builtin

// onOwnThread runs f. Where a thread can't have a priority of its own it needs no thread
// of its own.
func onOwnThread(f func()) { f() }

// lowerPriority does nothing: the nice value belongs to the whole process here.
func lowerPriority() error { return nil }
