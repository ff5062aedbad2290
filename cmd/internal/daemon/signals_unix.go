//go:build unix

package daemon

import (
	"os"
	"syscall"
)

// signalUpgrade asks for a successor.
var signalUpgrade os.Signal = syscall.SIGUSR2
