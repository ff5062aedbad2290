package relay_test

import (
	"io"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
)

// Where large packets pass, the beginning of one waits for its inside. What is whole before it does not,
// though the read that brought both was full: the sender may pause just there.
func TestWholePacketsDoNotWaitForALargeOne(t *testing.T) {
	const rounds, read, soon = 10, 2 << 10, 100 * time.Millisecond
	for _, name := range loopEngines {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			r := newRig(t, newEngine(t, name), time.Second, tcpPair)
			r.start(packets.V5)
			buf := make([]byte, 1<<20)
			pass := func(p []byte) time.Duration {
				began := time.Now()
				if _, err := r.client.Write(p); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(r.broker, buf[:len(p)]); err != nil {
					t.Fatal(err)
				}
				return time.Since(began)
			}
			late := 0
			small, large := publish(20), publish(300<<10)
			for range rounds {
				pass(large)
				time.Sleep(20 * time.Millisecond) // the relay waits for the next packet
				if took := pass(append(small[:len(small):len(small)], large[:read-len(small)]...)); took > soon {
					late++
				}
				pass(large[read-len(small):])
			}
			if late > rounds/2 {
				t.Errorf("%d of %d whole packets came later than %v", late, rounds, soon)
			}
			r.client.Close()
			r.broker.Close()
			r.end()
		})
	}
}
