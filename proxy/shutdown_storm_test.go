package proxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/proxy/relay"
)

// Devices come and go without a pause while the server is shut down: each is served, or told that we
// are going, or never was accepted, or had been let in and was ended as all sessions are; and nothing
// is left of any.
func TestShutdownInAStorm(t *testing.T) {
	for _, engine := range []string{relay.EngineUring, relay.EngineEpoll, relay.EngineGoroutine} {
		t.Run(engine, func(t *testing.T) {
			r := newRig(t, func(o *options) {
				serves, _, _, err := relay.New(relay.Options{Engine: engine})
				if err != nil {
					t.Skip(err)
				}
				t.Cleanup(serves.Close)
				o.Relay = serves
			})
			s := storm{rig: r}
			var devices sync.WaitGroup
			for range 40 {
				devices.Go(func() {
					for !s.over.Load() {
						if err := s.device(); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			time.Sleep(300 * time.Millisecond)
			done := r.shutdown(10 * time.Second)
			if err := <-done; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			s.over.Store(true)
			devices.Wait()
			t.Logf("%d served, %d told, %d not accepted, %d ended before the broker's answer",
				s.served.Load(), s.told.Load(), s.turned.Load(), s.unanswered.Load())
			if s.served.Load() == 0 {
				t.Error("nobody was served: the storm is none")
			}
			if got, least := r.broker.Accepted(), int(s.served.Load()); got < least {
				t.Errorf("%d were served, and %d reached the broker", least, got)
			}
		})
	}
}

// storm is many devices, and what became of them.
type storm struct {
	*rig
	over                             atomic.Bool
	served, told, turned, unanswered atomic.Uint64
}

// wasLetIn reports whether a device of this address was handed to the broker.
func (s *storm) wasLetIn(remote net.Addr) bool {
	for line := range strings.Lines(s.log.String()) {
		if containsAll(line, []string{"msg=connected", "remote=" + remote.String() + " "}) {
			return true
		}
	}
	return false
}

// device connects once, in pieces, and says something along with its CONNECT.
func (s *storm) device() error {
	c, err := net.Dial("tcp", s.addr)
	if err != nil { // the listener is closed, or just being
		s.turned.Add(1)
		return nil
	}
	defer c.Close()
	v := versions[rand.IntN(len(versions))]
	hello := []byte{0x30, 5, 0, 1, 't', 'h', 'i'}
	rest := append(frame(client(v, "u", "p")), hello...)
	var broken error // a reset is told once: to the write, where that meets it
	for len(rest) > 0 {
		n := min(len(rest), 1+rand.IntN(60))
		if _, broken = c.Write(rest[:n]); broken != nil {
			break // what came until then is read all the same
		}
		rest = rest[n:]
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	accepted := accepting(v)
	got := make([]byte, len(accepted)+len(hello))
	n, err := io.ReadFull(c, got)
	got = got[:n]
	switch {
	case err == nil && bytes.Equal(got, append(accepted, hello...)):
		s.served.Add(1)
	case bytes.HasPrefix(got, accepted): // and then it was drained
		s.served.Add(1)
	case bytes.Equal(got, wanted(auth.ShuttingDown, v)) && err == io.ErrUnexpectedEOF:
		s.told.Add(1)
	case n == 0 && (isReset(err) || err == io.EOF && isReset(broken)):
		s.turned.Add(1)
	case n == 0 && err == io.EOF && s.wasLetIn(c.LocalAddr()):
		s.unanswered.Add(1) // its session ended before the broker had answered
	default:
		return fmt.Errorf("%v: got % x, %v, want an answer", v, got, err)
	}
	return nil
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
