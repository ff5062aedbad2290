package daemon

import "mqttward/proxy/relay"

// places is how many goroutines the runtime is to let run at once: as many as there are processors,
// and one more for each thread that takes a place and leaves its processor to others.
//
// Slow password hashes run on niced threads; relaying gets their places back. A loop over io_uring
// that waits for its ring holds a place while it does: where all are taken, the runtime's monitor
// takes it away each time, to no use, and wakes every 20 µs to do so, which makes a connect cost a
// tenth more.
func (d *Daemon) places(g *generation) int {
	n := d.processors + g.slowWorkers()
	if d.engine == relay.EngineUring {
		n++
	}
	return n
}
