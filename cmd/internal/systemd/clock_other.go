//go:build !linux

package systemd

// monotonic is for Linux, where there is systemd.
func monotonic() (usec int64, ok bool) { return 0, false }
