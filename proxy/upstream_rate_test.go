package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
	"mqttward/proxy/upstream"
)

// Whoever comes too fast is refused with the table's answer, the broker hears nothing of it,
// and a session that is there is not disturbed.
func TestUpstreamRateAtTheSocket(t *testing.T) {
	r := newRig(t, func(o *options) {
		o.UpstreamRate = proxy.UpstreamRate{Connects: 1}
		o.Limits.MaxHandshakes = 3 // no room to wait
	})
	live := r.connected(client(packets.V5, "u", "p"))
	dialled := 1
	for _, v := range versions {
		for {
			conn := r.send(frame(client(v, "u", "p")))
			answer := make([]byte, len(accepting(v)))
			if _, err := io.ReadFull(conn, answer); err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(answer, accepting(v)) { // a second has passed
				dialled++
				conn.Close()
				continue
			}
			if rest := readAll(t, conn); !bytes.Equal(answer, wanted(auth.UpstreamRate, v)) || len(rest) > 0 {
				t.Errorf("%v: got % x and then % x, want % x", v, answer, rest, wanted(auth.UpstreamRate, v))
			}
			break
		}
		r.expectLog("msg=refused", "stage=test", "verdict=accept", "reason=upstream_rate", "mqtt="+v.String(), `detail="more than upstream.connect_rate: 1 per second"`, "too many wait")
	}
	echoes(t, live)
	r.expectDialled(dialled)
}

// come is a client that sends its CONNECT, inside a bubble.
func (p *pipes) come(v packets.Version) net.Conn {
	c := p.dial()
	go c.Write(frame(client(v, "u", "p")))
	return c
}

func TestClientsWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) { o.UpstreamRate = proxy.UpstreamRate{Connects: 2, Burst: 1} })
		defer stop()
		begun := time.Now()
		for i := range 5 { // four within the two seconds that one may wait
			p.come(packets.V5)
			synctest.Wait()
			if i == 0 && len(p.broker) != 1 {
				t.Fatal("the first was not handed on at once")
			}
		}
		refused := p.come(packets.V5)
		if got := make([]byte, 5); !isRefused(refused, got) || time.Since(begun) > 0 {
			t.Errorf("one too many got % x after %v, want % x at once", got, time.Since(begun), wanted(auth.UpstreamRate, packets.V5))
		}
		for i := range 5 {
			broker := <-p.broker
			packet := frame(client(packets.V5, "u", "p"))
			if _, err := io.ReadFull(broker, packet); err != nil || !bytes.Equal(packet, frame(client(packets.V5, "u", "p"))) {
				t.Errorf("the broker got % x, %v", packet, err)
			}
			if took, want := time.Since(begun), time.Duration(i)*500*time.Millisecond; took < want || took > want+2*time.Millisecond {
				t.Errorf("connect %d reached the broker after %v, want %v", i, took, want)
			}
		}
	})
}

// isRefused reads an answer into got, and reports whether it is upstream_rate for 5.0.
func isRefused(c net.Conn, got []byte) bool {
	_, err := io.ReadFull(c, got)
	return err == nil && bytes.Equal(got, wanted(auth.UpstreamRate, packets.V5))
}

func TestShutdownEndsTheWaitForTheUpstream(t *testing.T) {
	for _, v := range versions {
		synctest.Test(t, func(t *testing.T) {
			p, stop := newPipes(t, func(o *proxy.Options) { o.UpstreamRate = proxy.UpstreamRate{Connects: 1} })
			defer stop()
			p.come(v)
			<-p.broker
			waiting := p.come(v)
			synctest.Wait()
			begun := time.Now()
			go p.server.Shutdown(t.Context(), proxy.Drain{})
			got := make([]byte, len(wanted(auth.ShuttingDown, v)))
			if n, err := io.ReadFull(waiting, got); err != nil || !bytes.Equal(got, wanted(auth.ShuttingDown, v)) || time.Since(begun) > 0 {
				t.Errorf("%v: got % x, %v after %v, want % x at once", v, got[:n], err, time.Since(begun), wanted(auth.ShuttingDown, v))
			}
			if len(p.broker) > 0 {
				t.Error("the broker was dialled for a client that waited")
			}
		})
	}
}

// flaky is a broker that is down until it is told otherwise, and then never answers.
type flaky struct {
	mu     sync.Mutex
	up     bool
	dialed int
	ends   []net.Conn
}

func (f *flaky) Dial(context.Context, upstream.Client) (upstream.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dialed++; !f.up {
		return upstream.Connection{}, errors.New("no route")
	}
	ours, theirs := net.Pipe()
	f.ends = append(f.ends, theirs)
	go io.Copy(io.Discard, theirs)
	return reached(ours), nil
}

// dials returns how often the broker was dialled, and sets whether it is up.
func (f *flaky) dials(up bool) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up = up
	return f.dialed
}

func TestUpstreamThatReturnsIsMetSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broker, log := &flaky{}, &proxytest.Log{}
		p, stop := newPipes(t, func(o *proxy.Options) {
			o.Upstream, o.Log = broker, slog.New(slog.NewTextHandler(log, nil))
			o.UpstreamRate = proxy.UpstreamRate{Connects: 100, Burst: 50}
		})
		defer stop()
		readAll(t, p.come(packets.V5)) // finds out that it is down
		if got := broker.dials(true); got != 1 {
			t.Fatalf("%d dials, want 1", got)
		}
		conns := make([]net.Conn, 100)
		for i := range conns {
			conns[i] = p.come(packets.V5)
			go io.Copy(io.Discard, conns[i])
		}
		synctest.Wait()
		if got := broker.dials(true) - 1; got != 5 { // a tenth of the burst
			t.Errorf("%d go at once, want 5", got)
		}
		if !strings.Contains(log.String(), "reason=upstream_rate code=0x9f detail=\"the upstream was down: connects to it begin slowly\"") {
			t.Errorf("the log does not tell of the slow start:\n%s", log)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		// 10 per second that become 28: 38 in two seconds, if as many found a place.
		if got := broker.dials(true) - 6; got < 20 || got > 38 {
			t.Errorf("%d go in two seconds, want 38 at most", got)
		}
		for _, c := range conns {
			c.Close()
		}
	})
}

func TestNewUpstreamRateIsForThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := newPipes(t, func(o *proxy.Options) { o.UpstreamRate = proxy.UpstreamRate{Connects: 1} })
		defer stop()
		begun := time.Now()
		for range 3 {
			p.come(packets.V311)
			synctest.Wait()
		}
		if len(p.broker) != 1 {
			t.Fatalf("%d were handed on, want 1", len(p.broker))
		}
		p.server.SetPolicy(proxy.Policy{Chain: letIn(t), Upstream: p})
		for range 3 {
			<-p.broker
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("took %v, want no time: there is no rate any more", took)
		}
	})
}
