//go:build linux

package main

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mqttward/packets"
)

func TestRetriesDoubleUpToAMinute(t *testing.T) {
	most := []time.Duration{5, 10, 20, 40, 60, 60}
	for serial := range int64(20) {
		i := 0
		for got := range retries(serial) {
			if d := most[i] * time.Second; got < d/2 || got > d {
				t.Errorf("device %d, wait %d: got %v, want %v to %v", serial, i, got, d/2, d)
			}
			if i++; i == len(most) {
				break
			}
		}
	}
}

// answering is a server that answers each CONNECT with the next of the codes, and with silence
// where there are no more.
func answering(t *testing.T, codes ...byte) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for i := 0; ; i++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, _, err := packets.ReadConnect(conn, nil, connectLimit); err == nil && i < len(codes) {
				conn.Write([]byte{0x20, 2, 0, codes[i]})
				io.Copy(io.Discard, conn)
			}
			conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestStormTakesAnyOtherCodeForFinal(t *testing.T) {
	c := &clients{}
	_, err := c.carryOut(order{Do: doStorm, Address: answering(t, 5), Count: 1, Duration: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "code 5") {
		t.Errorf("got %v, want an error with code 5", err)
	}
}

func TestStormCountsWhatHappened(t *testing.T) {
	for _, c := range []struct {
		codes []byte
		want  outcome
		bad   string
	}{
		{[]byte{0}, outcome{Done: 1}, ""},
		{[]byte{3, 0}, outcome{Answered: 1}, "code 3"},
		{nil, outcome{CutOff: 1}, "CONNACK"},
	} {
		// There is time for one attempt alone.
		var group clients
		got, err := group.carryOut(order{Do: doStorm, Address: answering(t, c.codes...), Count: 1, Duration: time.Second})
		if got.Done != c.want.Done || got.Answered != c.want.Answered || got.CutOff != c.want.CutOff {
			t.Errorf("answers %v: got %+v, want %+v", c.codes, got, c.want)
		}
		if (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("answers %v: got %v, want %q", c.codes, err, c.bad)
		}
		group.release()
	}
}

func TestTheSameDevicesComeAgain(t *testing.T) {
	c := &clients{}
	same := &order{Same: true, Users: deviceUsers, Passwords: []string{"a", "b", "c"}}
	for range 2 {
		d := c.device(same, nil, 4)
		var got packets.Connect
		if err := packets.ParseConnect(d.packet(), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.ClientID) != "device-4" || string(got.UserName) != "device-4" || string(got.Password) != "b" {
			t.Errorf("got %q, %q, %q; want device-4 twice, b", got.ClientID, got.UserName, got.Password)
		}
	}
	other := &order{}
	if a, b := c.device(other, nil, 4), c.device(other, nil, 4); a.serial == b.serial {
		t.Errorf("without Same both have the number %d", a.serial)
	}
}

// echoing is a connection to a peer that sends back what comes, later by delay.
func echoing(delay time.Duration) (conn net.Conn, end func()) {
	near, far := net.Pipe()
	go func() {
		buf := make([]byte, 1000)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			time.Sleep(delay)
			if _, err := far.Write(reply(buf[:n])); err != nil {
				return
			}
		}
	}()
	return near, func() { far.Close() }
}

func TestLiveSessionsAreToldByTheLap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := echoing(time.Millisecond)
		b, end := echoing(3 * time.Millisecond)
		c := &clients{held: []net.Conn{a, b}}
		if _, err := c.carryOut(order{Do: doLive, Size: 64, Every: 50 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + 10*time.Millisecond)
		got, err := c.carryOut(order{Do: doLap})
		if want := 40; got.Done != want || got.P50 != time.Millisecond || got.P99 != 3*time.Millisecond || err != nil {
			t.Errorf("in a second: got %+v, %v; want %d messages, 1 ms and 3 ms", got, err, want)
		}
		if got, err = c.carryOut(order{Do: doLap}); got.Done != 0 || err != nil {
			t.Errorf("in no time: got %+v, %v; want none", got, err)
		}
		end()
		time.Sleep(time.Second)
		if _, err = c.carryOut(order{Do: doLap}); err == nil || !strings.Contains(err.Error(), "live session 2 of 2") {
			t.Errorf("after the loss of one: got %v, want an error that names it", err)
		}
		c.release()
		a.Close()
	})
	if _, err := (&clients{}).carryOut(order{Do: doLap}); err == nil {
		t.Error("a lap without live sessions: got no error")
	}
}

func TestKeepPingsAllAndFindsTheLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &clients{}
		var ends []func()
		for range 40 {
			conn, end := echoing(time.Millisecond)
			c.held, ends = append(c.held, conn), append(ends, end)
		}
		start := time.Now()
		got, err := c.carryOut(order{Do: doKeep, Every: 10 * time.Second, Duration: time.Minute})
		// Six rounds of all, and one at the end. Goroutines have two or three connections each.
		if got.Lost != 0 || got.Done < 6*40 || got.Done > 10*40 || got.P99 != time.Millisecond || err != nil {
			t.Errorf("got %+v, %v; want none lost, some 280 pings of 1 ms", got, err)
		}
		if took := time.Since(start); took < 50*time.Second || took > 65*time.Second {
			t.Errorf("it took %v, want about a minute", took)
		}
		ends[3]()
		ends[39]()
		if got, err = c.carryOut(order{Do: doKeep, Every: 10 * time.Second, Duration: 20 * time.Second}); got.Lost != 2 || err != nil {
			t.Errorf("two have ended: got %+v, %v; want 2 lost", got, err)
		}
		c.release()
		for _, end := range ends {
			end()
		}
	})
}

func TestProbeCountsThoseThatFail(t *testing.T) {
	c := &clients{}
	got, err := c.carryOut(order{Do: doProbe, Address: answering(t, 0, 5, 0), Every: time.Millisecond, Duration: time.Millisecond})
	if got.Done != 2 || got.Lost != workers-2 || err != nil {
		t.Errorf("got %+v, %v; want 2 of %d", got, err, workers)
	}
}
