package relay_test

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mqttward/packets"
	"mqttward/proxy/relay"
)

// A side that has ended its stream and takes nothing costs nothing while it does so, and is served
// when it does.
func TestSideThatHasEndedAndTakesNothingCostsNothing(t *testing.T) {
	eachEngine(t, time.Minute, func(t *testing.T, r *rig) {
		r.start(packets.V5)
		r.expectIdleWhereEnded(r.client, r.broker)
	})
}

// expectIdleWhereEnded has a end its stream, and b send it more than is taken.
func (r *rig) expectIdleWhereEnded(a, b net.Conn) {
	r.t.Helper()
	closeWrite(r.t, a)
	expectEnd(r.t, b)
	sent := make(chan int)
	stop := time.Now().Add(300 * time.Millisecond)
	go func() {
		total := 0
		for chunk := make([]byte, 64<<10); time.Now().Before(stop); {
			b.SetWriteDeadline(stop)
			n, err := b.Write(chunk)
			total += n
			if err != nil {
				break
			}
		}
		sent <- total
	}()
	want := <-sent
	// What was taken last may still be on its way at first, on a busy machine.
	const watched = 300 * time.Millisecond
	var worked time.Duration
	for try := 0; try == 0 || worked > watched/4 && try < 10; try++ {
		before := processorTime(r.t)
		time.Sleep(watched)
		worked = processorTime(r.t) - before
	}
	if worked > watched/4 {
		r.t.Errorf("worked for %v of %v in which nothing could flow", worked, watched)
	}
	got := make(chan int64)
	go func() {
		n, _ := io.CopyN(io.Discard, a, int64(want))
		got <- n
	}()
	select {
	case n := <-got:
		if n < int64(want) {
			r.t.Errorf("then read %d bytes, want the %d that were sent", n, want)
		}
	case <-time.After(20 * time.Second):
		r.t.Error("what was sent does not come")
	}
	r.link.Kill(relay.Forced)
	r.end()
}

// processorTime is how long the process has worked.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
