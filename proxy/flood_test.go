package proxy_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"mqttward/auth"
	"mqttward/packets"
)

// A flood from one address leaves the connects of others unharmed: nobody of them is refused, and
// they take no longer. The figures are in the test's log.
func TestFloodFromOneAddressLeavesOthersUnharmed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*options)
		every  time.Duration // between two connects of the flood
		most   int           // per second that pass of it
	}{
		{"200 a second, of which 20 may pass", func(o *options) { o.Limits.ConnectRatePerAddress = 20 }, 5 * time.Millisecond, 20},
		{"200 a second, where 60 may pass in all", func(o *options) { o.Limits.ConnectRate = 60 }, 5 * time.Millisecond, 60},
		{"as fast as it can, of which 20 may pass", func(o *options) { o.Limits.ConnectRatePerAddress = 20 }, 0, 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			everyWay(t, func(t *testing.T, ofNet bool) {
				r := newRig(t, func(o *options) {
					tc.change(o)
					o.ofNet = ofNet
					o.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
				})
				f := &flood{guest: r.from("127.0.0.2"), every: tc.every}
				var others guests
				for n := range 8 {
					others = append(others, r.from("127.0.1."+strconv.Itoa(n+1)))
				}
				began := time.Now()
				alone, beside := others.besideFlood(f)
				// A machine that is busy may not manage a flood at first.
				for try := 1; (f.refused == 0 || tc.every > 0 && harmed(alone, beside)) && try < 10; try++ {
					t.Logf("connects of others: alone %v; beside the flood %v", alone, beside)
					alone, beside = others.besideFlood(f)
				}
				t.Logf("connects of others: alone %v; beside the flood %v; of the flood %d passed, %d were refused in %v",
					alone, beside, f.passed, f.refused, time.Since(began))
				if f.refused == 0 {
					t.Error("none of the flood was refused")
				}
				if most := tc.most * int(1+time.Since(began).Seconds()+1); f.passed > most {
					t.Errorf("%d of the flood passed, want %d at most", f.passed, most)
				}
				if tc.every > 0 && harmed(alone, beside) {
					t.Errorf("others take %v beside the flood, and %v without, each time", beside, alone)
				}
			})
		})
	}
}

// guests connect in turn.
type guests []*guest

// times are how long connects took, sorted.
type times []time.Duration

func (d times) at(q float64) time.Duration { return d[int(q*float64(len(d)-1))] }

func (d times) String() string { return fmt.Sprintf("p50 %v, p99 %v", d.at(0.5), d.at(0.99)) }

// harmed reports whether the times beside a flood are longer than without. Its own client takes
// this machine's time, too, and so do other tests, now more and now less: harm is there each time.
func harmed(alone, beside times) bool { return beside.at(0.5) > 2*alone.at(0.5)+5*time.Millisecond }

// besideFlood connects with and without a flood, by turns.
func (g guests) besideFlood(f *flood) (alone, beside times) {
	for range 3 {
		alone = append(alone, g.connects(400*time.Millisecond)...)
		stop := f.begin()
		beside = append(beside, g.connects(400*time.Millisecond)...)
		stop()
	}
	slices.Sort(alone)
	slices.Sort(beside)
	return alone, beside
}

// connects connects and closes, 40 times a second for a time, and returns how long each took from
// the first SYN to the broker's CONNACK.
func (g guests) connects(d time.Duration) []time.Duration {
	var took []time.Duration
	for end := time.Now().Add(d); time.Now().Before(end); {
		began := time.Now()
		c := g[len(took)%len(g)].expect(client(packets.V5, "u", "p"), auth.None)
		took = append(took, time.Since(began))
		c.Close()
		time.Sleep(25*time.Millisecond - time.Since(began))
	}
	return took
}

// flood connects from one address.
type flood struct {
	*guest
	every           time.Duration
	passed, refused int
}

// begin floods until stop is called.
func (f *flood) begin() (stop func()) {
	done := make(chan struct{})
	var going sync.WaitGroup
	going.Go(func() {
		var answer [5]byte
		for {
			select {
			case <-done:
				return
			case <-time.After(f.every):
			}
			c, err := f.dialer.Dial("tcp", f.addr)
			if err != nil {
				f.t.Error(err)
				return
			}
			c.SetDeadline(time.Now().Add(20 * time.Second))
			c.Write(frame(client(packets.V5, "u", "p")))
			switch _, err := io.ReadFull(c, answer[:]); {
			case err != nil:
				f.t.Errorf("an answer to the flood: %v", err)
			case answer[3] == byte(packets.Success):
				f.passed++
			case answer[3] == byte(packets.ConnectionRateExceeded):
				f.refused++
			}
			c.(*net.TCPConn).SetLinger(0) // no port is left waiting
			c.Close()
			runtime.Gosched()
		}
	})
	return func() {
		close(done)
		going.Wait()
	}
}
