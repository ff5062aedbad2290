//go:build !unix

package daemon

import "os"

// signalUpgrade is none here.
var signalUpgrade os.Signal
