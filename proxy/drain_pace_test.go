package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/packets"
	"mqttward/proxy"
	"mqttward/proxy/proxytest"
)

// shutdownOver begins a shutdown in which the sessions end as d has it.
func shutdownOver(s *proxy.Server, d proxy.Drain) <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), d.Over)
		defer cancel()
		done <- s.Shutdown(ctx, d)
	}()
	return done
}

func TestDrainEndsSessionsEvenly(t *testing.T) {
	const clients = 500
	for _, seconds := range []int{4, 20, 300} {
		t.Run(fmt.Sprint(seconds, "s"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, stop := newPipes(t, func(o *proxy.Options) { o.Limits.HalfCloseTimeout = 100 * time.Millisecond })
				defer stop()
				told := make(chan time.Time, clients)
				for range clients {
					c := p.connect(packets.V5)
					go func() {
						_, _ = io.ReadFull(c, make([]byte, len(serverShuttingDown)))
						told <- time.Now()
						c.Close()
					}()
				}
				begun := time.Now()
				done := shutdownOver(p.server, proxy.Drain{Over: time.Duration(seconds) * time.Second})
				var each [20]int // twentieths of the time
				for range clients {
					after := (<-told).Sub(begun)
					each[min(19, int(after.Seconds()*20)/seconds)]++
				}
				if err := <-done; err != nil {
					t.Errorf("Shutdown: got %v, want nil", err)
				}
				mean := clients / len(each)
				limit := mean + mean/2
				if seconds < 10 { // two seconds are kept for those that end last
					limit = 2*mean + 1
				}
				if most := slices.Max(each[:]); most > limit {
					t.Errorf("of %d, %v ended in each twentieth of the time, want at most %d", clients, each, limit)
				}
			})
		})
	}
}

// serverShuttingDown is the last packet of a 5.0 client.
const serverShuttingDown = "\xe0\x02\x8b\x00"

func TestDrainIsOverWhenNobodyIsLeft(t *testing.T) {
	r := newRig(t, nil)
	first, second := r.connected(client(packets.V5, "u", "p")), r.connected(client(packets.V5, "u", "p"))
	begun := time.Now()
	done := shutdownOver(r.server, proxy.Drain{Over: 10 * time.Minute})
	ends := make(chan net.Conn, 2)
	for _, c := range []net.Conn{first, second} {
		go func() {
			_, _ = io.Copy(io.Discard, c)
			ends <- c
		}()
	}
	<-ends // whose turn it was
	first.Close()
	second.Close()
	if err := <-done; err != nil || time.Since(begun) > 10*time.Second {
		t.Errorf("Shutdown: got %v after %v, want nil at once", err, time.Since(begun))
	}
}

// recordingRig has a broker that tells what each connection sent after its CONNECT.
func recordingRig(t *testing.T) (r *rig, sent chan string) {
	sent = make(chan string, 8)
	return newRig(t, func(o *options) {
		o.broker.Handle = func(conn net.Conn) {
			all, _ := io.ReadAll(conn)
			sent <- string(all)
		}
	}), sent
}

// Wills fire where no DISCONNECT was received. [MQTT5 3.1.2-8]
func TestDrainTowardsTheBroker(t *testing.T) {
	for quiet, want := range map[bool]string{false: "", true: "\xe0\x00"} {
		for _, v := range versions {
			t.Run(fmt.Sprint("quiet ", quiet, " ", v), func(t *testing.T) {
				r, sent := recordingRig(t)
				c := r.connected(client(v, "u", "p"))
				done := shutdownOver(r.server, proxy.Drain{Over: 10 * time.Second, Quiet: quiet})
				if got := <-sent; got != want {
					t.Errorf("the broker got % x, want % x", got, want)
				}
				last := ""
				if v == packets.V5 {
					last = serverShuttingDown
				}
				if got := readAll(t, c); string(got) != last {
					t.Errorf("the client got % x, want % x", got, last)
				}
				c.Close()
				if err := <-done; err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		}
	}
}

// Section 12: a packet is inserted at a boundary that comes within a second, else not at all.
func TestQuietDrainWaitsForABoundary(t *testing.T) {
	message := append([]byte{0x30, 100, 0, 1, 't'}, bytes.Repeat([]byte{'x'}, 97)...)
	for name, c := range map[string]struct {
		rest []byte
		want string
	}{
		"the rest comes":       {message[10:], string(message) + "\xe0\x00"},
		"the rest never comes": {nil, string(message[:10])},
	} {
		t.Run(name, func(t *testing.T) {
			r, sent := recordingRig(t)
			conn := r.connected(client(packets.V311, "u", "p"))
			if _, err := conn.Write(message[:10]); err != nil {
				t.Fatal(err)
			}
			proxytest.Eventually(t, "half of the packet has passed", func() bool {
				return r.server.Traffic().BytesUp == uint64(len(frame(client(packets.V311, "u", "p")))+10)
			})
			done := shutdownOver(r.server, proxy.Drain{Over: 20 * time.Second, Quiet: true})
			r.expectNoDial()
			if _, err := conn.Write(c.rest); err != nil {
				t.Fatal(err)
			}
			if got := <-sent; got != c.want {
				t.Errorf("the broker got % x, want % x", got, c.want)
			}
			conn.Close()
			if err := <-done; err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		})
	}
}

// expectNoDial waits until the listener is closed.
func (r *rig) expectNoDial() {
	r.t.Helper()
	proxytest.Eventually(r.t, "the listener closed", func() bool {
		extra, err := net.Dial("tcp", r.addr)
		if err == nil {
			extra.Close()
		}
		return err != nil
	})
}

// A client whose broker has not answered yet is not cut without a word.
func TestDrainGivesTheBrokerAMomentForItsConnack(t *testing.T) {
	const answer = "\x20\x03\x00\x00\x00"
	answering := map[string]struct {
		after time.Duration
		want  string
	}{
		"in time": {500 * time.Millisecond, answer + serverShuttingDown},
		"late":    {time.Minute, ""},
	}
	for name, a := range answering {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, stop := newPipes(t, func(o *proxy.Options) { o.Limits.HalfCloseTimeout = 200 * time.Millisecond })
				defer stop()
				c := p.dial()
				packet := frame(client(packets.V5, "u", "p"))
				go c.Write(packet)
				broker := <-p.broker
				if _, err := io.ReadFull(broker, make([]byte, len(packet))); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				begun := time.Now()
				done := shutdownOver(p.server, proxy.Drain{Over: 20 * time.Second})
				var answered sync.WaitGroup
				defer answered.Wait()
				answered.Go(func() {
					time.Sleep(a.after)
					_, _ = broker.Write([]byte(answer))
					_, _ = io.Copy(io.Discard, broker)
				})
				got, _ := io.ReadAll(c)
				if string(got) != a.want {
					t.Errorf("the client got % x, want % x", got, a.want)
				}
				if took := time.Since(begun); took < 500*time.Millisecond || took > 3*time.Second {
					t.Errorf("ended after %v", took)
				}
				c.Close()
				if err := <-done; err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}
