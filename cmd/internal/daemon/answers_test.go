package daemon

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// A server that is no broker, or not a good one, must not take our memory by announcing what it never sends:
// neither by its answer to a CONNECT nor behind it.
func TestAnnouncedPacketsTakeNoMemory(t *testing.T) {
	const announced = "\xff\xff\xff\x7f" // 256 MiB
	for name, answer := range map[string]string{
		"as the answer":     "\x20" + announced,
		"without an end":    "\x20\xff\xff\xff\xff\xff",
		"behind the answer": "\x20\x03\x00\x00\x00\x30" + announced,
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				theirs, err := l.Accept()
				if err != nil {
					return
				}
				defer theirs.Close()
				_, _ = theirs.Write([]byte(answer))
				_, _ = io.Copy(io.Discard, theirs)
			}()
			ours, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err = greeting5{userName: []byte("u"), timeout: patience}.accepted(t.Context(), ours)
			runtime.ReadMemStats(&after)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 32<<20 {
				t.Errorf("%d MiB were set aside", taken>>20)
			}
			if behind := strings.HasPrefix(answer, "\x20\x03"); behind != (err == nil) {
				t.Errorf("got %v, want an error: %v", err, !behind)
			}
		})
	}
}
