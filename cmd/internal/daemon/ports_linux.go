package daemon

import (
	"fmt"
	"os"
)

// sourcePorts is how many connections one address of this machine can have to one address of
// another; 0 where that is not known.
func sourcePorts() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	var first, last int
	if _, err := fmt.Sscan(string(text), &first, &last); err != nil || last < first {
		return 0
	}
	return last - first + 1
}
