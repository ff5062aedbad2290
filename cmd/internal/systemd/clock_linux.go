package systemd

import "golang.org/x/sys/unix"

// monotonic is the time of CLOCK_MONOTONIC, in microseconds.
func monotonic() (usec int64, ok bool) {
	var ts unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano() / 1000, err == nil
}
