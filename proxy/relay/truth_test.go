package relay_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mqttward/packets"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/relay"
)

// truthFor is how long each engine is tried by TestTruth: minutes find what seconds do not.
var truthFor = flag.Duration("truth", 3*time.Second, "how long TestTruth tries each engine")

// truthEngines are those that the truth is asked of beside the usual ones.
var truthEngines = map[string]func() (relay.Relay, error){}

// TestTruth has many sessions at once, of all kinds of connections, with random bytes or packets
// in random pieces, slow readers, half-closes, resets, kills and insertions: what arrives is what
// was sent, every byte once and in order, and all of it where nobody was cut; and nothing is left
// behind.
func TestTruth(t *testing.T) {
	all := maps.Clone(truthEngines)
	for _, name := range engines {
		all[name] = func() (relay.Relay, error) {
			engine, _, _, err := relay.New(relay.Options{Engine: name})
			return engine, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t.Run(name, func(t *testing.T) {
			proxytest.CheckLeaks(t)
			engine, err := all[name]()
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(engine.Close)
			before := heap()
			var sessions atomic.Uint64
			var crowd sync.WaitGroup
			end := time.Now().Add(*truthFor)
			for range 16 {
				crowd.Go(func() {
					for time.Now().Before(end) && !t.Failed() {
						seed := rand.Uint64()
						trial := &trial{rnd: rand.New(rand.NewPCG(seed, 0)), halfClose: 30 * time.Second}
						if err := trial.run(t, engine); err != nil {
							t.Errorf("seed %d, %v: %v", seed, trial, err)
						}
						sessions.Add(1)
					}
				})
			}
			crowd.Wait()
			if after := heap(); after > before+32<<20 {
				t.Errorf("memory: %d MB before, %d MB after", before>>20, after>>20)
			}
			t.Logf("%d sessions", sessions.Load())
		})
	}
}

// heap is what lives in memory, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// How a trial ends.
const (
	orderly  = iota // both sides end their streams
	cutOff          // one side resets
	killed          // from outside
	inserted        // from outside, with packets to insert
	endings
)

// trial is one session, as chance has it.
type trial struct {
	rnd       *rand.Rand
	kinds     [2]string
	ending    int
	packets   bool
	size      [2]int
	halfClose time.Duration
}

func (r *trial) String() string {
	return fmt.Sprintf("%v, ending %d, packets %v, %v bytes", r.kinds, r.ending, r.packets, r.size)
}

func (r *trial) run(t *testing.T, engine relay.Relay) error {
	names := slices.Sorted(maps.Keys(kinds))
	for k := range r.kinds {
		r.kinds[k] = names[r.rnd.IntN(len(names))]
		r.size[k] = r.rnd.IntN(1 << (4 + r.rnd.IntN(18)))
	}
	r.ending, r.packets = r.rnd.IntN(endings), r.rnd.IntN(2) == 0
	var ours, theirs [2]net.Conn
	for k, kind := range r.kinds {
		ours[k], theirs[k] = kinds[kind](t)
		defer theirs[k].Close()
	}
	up, down := r.stream(r.size[0]), r.stream(r.size[1])
	if r.packets {
		down = append(packets.AppendConnack(nil, packets.V5, packets.Success, ""), down...)
	}
	owner := trialOwner(make(chan relay.End, 2))
	link := engine.Start(relay.Pair{Client: ours[0], Upstream: ours[1], HalfCloseTimeout: r.halfClose, Owner: owner})
	// Each end writes and reads at its own pace, by chances of its own, and closes when it has done
	// both.
	sent := [2][]byte{up, down}
	var got [2][]byte
	var errs [2]error
	var ends sync.WaitGroup
	for k, c := range theirs {
		writing, reading := r.pace(), r.pace()
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			writing.write(c, sent[k], r.ending == orderly)
		}()
		ends.Go(func() {
			got[k], errs[k] = reading.read(c)
			<-wrote
			c.Close()
		})
	}
	last := farewell()
	last.Up = []byte{0xe0, 0}
	if r.ending != orderly {
		time.Sleep(time.Duration(r.rnd.IntN(20)) * time.Millisecond)
	}
	switch r.ending {
	case cutOff:
		breakOff(theirs[r.rnd.IntN(2)])
	case killed:
		link.Kill(relay.Forced)
	case inserted:
		link.End(last)
	}
	ended := make(chan struct{})
	go func() {
		ends.Wait()
		close(ended)
	}()
	for waiting := 2; waiting > 0; waiting-- {
		select {
		case <-ended:
			ended = nil
		case <-owner:
		case <-time.After(2 * time.Minute):
			link.Kill(relay.Forced)
			for _, c := range theirs {
				c.Close()
			}
			return errors.New("it does not end")
		}
	}
	return errors.Join(r.judge("up", up, got[1], errs[1], last.Up), r.judge("down", down, got[0], errs[0], last.Down))
}

// judge compares what was sent one way with what arrived.
func (r *trial) judge(way string, sent, got []byte, err error, last []byte) error {
	if r.ending == orderly {
		if err != nil || !bytes.Equal(got, sent) {
			return fmt.Errorf("%s: got %d bytes, %v, want the %d that were sent; %s", way, len(got), err, len(sent), difference(got, sent))
		}
		return nil
	}
	if bytes.HasPrefix(sent, got) {
		return nil
	}
	if rest, ok := bytes.CutSuffix(got, last); ok && r.ending == inserted && bytes.HasPrefix(sent, rest) {
		return nil
	}
	return fmt.Errorf("%s: got %d bytes that were not sent so; %s", way, len(got), difference(got, sent))
}

func difference(got, sent []byte) string {
	for i := range min(len(got), len(sent)) {
		if got[i] != sent[i] {
			return fmt.Sprintf("they differ at %d", i)
		}
	}
	return "one is a part of the other"
}

// stream is what one side sends: n random bytes or, where packets are sent, about as many.
func (r *trial) stream(n int) (p []byte) {
	if !r.packets {
		return randomBytes(r.rnd.Uint64(), n)
	}
	for len(p) < n {
		packet := publish(r.rnd.IntN(1 << (1 + r.rnd.IntN(17))))
		payload := packet[min(8, len(packet)):]
		copy(payload, randomBytes(r.rnd.Uint64(), len(payload)))
		p = append(p, packet...)
	}
	return p
}

// pace is how somebody reads or writes.
type pace struct {
	rnd   *rand.Rand
	most  int // bytes at once
	pause int // one in so many times; 0: never
	left  int // of these pauses
}

func (r *trial) pace() pace {
	p := pace{rnd: rand.New(rand.NewPCG(r.rnd.Uint64(), 1)), most: 1 << (9 + r.rnd.IntN(9))}
	if r.rnd.IntN(3) == 0 {
		p.pause, p.left = 1+r.rnd.IntN(20), r.rnd.IntN(100)
	}
	return p
}

func (p *pace) rest() {
	if p.left > 0 && p.rnd.IntN(p.pause) == 0 {
		p.left--
		time.Sleep(time.Duration(p.rnd.IntN(3000)) * time.Microsecond)
	}
}

func (p *pace) write(c net.Conn, b []byte, ends bool) {
	for len(b) > 0 {
		n := min(len(b), 1+p.rnd.IntN(p.most))
		if _, err := c.Write(b[:n]); err != nil {
			return
		}
		b = b[n:]
		p.rest()
	}
	if ends {
		_ = c.(interface{ CloseWrite() error }).CloseWrite()
	}
}

// read reads to the end. A stream that is cut is at its end too.
func (p *pace) read(c net.Conn) (all []byte, err error) {
	buf := make([]byte, p.most)
	for {
		n, err := c.Read(buf[:1+p.rnd.IntN(p.most)])
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		p.rest()
	}
}

// breakOff resets a connection, or closes it where it can't be reset.
func breakOff(c net.Conn) {
	if s, ok := relay.Socket(c).(*net.TCPConn); ok {
		_ = s.SetLinger(0)
		_ = s.Close()
		return
	}
	_ = c.Close()
}

type trialOwner chan relay.End

func (trialOwner) Connack(packets.ReasonCode, error) {}
func (o trialOwner) Ended(e relay.End)               { o <- e }
