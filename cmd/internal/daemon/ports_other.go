//go:build !linux

package daemon

// sourcePorts is not known here.
func sourcePorts() int { return 0 }
