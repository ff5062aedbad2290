package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// paced calls f for so long, from several goroutines, each of which begins a call every so
// often, or as soon as the last has ended. f gets the goroutine's number and its count of calls,
// both from 0. Every goroutine makes a call at least.
func paced(goroutines int, every, duration time.Duration, f func(goroutine, turn int)) {
	var wait sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		wait.Go(func() {
			next := every * time.Duration(g) / time.Duration(goroutines)
			for turn := 0; turn == 0 || next < duration; turn++ {
				time.Sleep(next - time.Since(start))
				f(g, turn)
				next += every
			}
		})
	}
	wait.Wait()
}

// keep pings each of the connections held Every so often, as their keep alive wants it, and
// each once more at the end: those that do not answer are lost.
func (c *clients) keep(o order) (outcome, error) {
	own := make([][]int, min(workers, len(c.held))) // the connections of each goroutine
	for i := range c.held {
		own[i%len(own)] = append(own[i%len(own)], i)
	}
	k := &counts{}
	if len(own) > 0 {
		paced(len(own), o.Every/time.Duration(len(own[0])), o.Duration, func(g, turn int) {
			c.pingHeld(own[g][turn%len(own[g])], k)
		})
	}
	_ = each(len(c.held), workers, func(i int) error {
		c.pingHeld(i, k)
		return nil
	})
	return k.outcome(), nil
}

// pingHeld pings a connection, unless it is lost already.
func (c *clients) pingHeld(i int, k *counts) {
	if c.held[i] == nil {
		return
	}
	start := time.Now()
	if err := ping(c.held[i]); err != nil {
		c.held[i].Close()
		c.held[i] = nil
		k.lose()
		return
	}
	k.add(time.Since(start))
}

// ping sends PINGREQ and awaits the answer. [MQTT311 3.12]
func ping(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		return err
	}
	buf := make([]byte, len(pingResponse))
	if err := thereAndBack(conn, pingRequest, buf); err != nil {
		return err
	}
	if !bytes.Equal(buf, pingResponse) {
		return fmt.Errorf("ping: the answer is %x", buf)
	}
	return nil
}

// probe connects and disconnects Every so often, and tells how long it takes until CONNACK.
func (c *clients) probe(o order) (outcome, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return outcome{}, err
	}
	k := &counts{}
	paced(workers, workers*o.Every, o.Duration, func(int, int) {
		took, err := c.probeOnce(&o, config)
		if err != nil {
			k.lose()
			return
		}
		k.add(took)
	})
	return k.outcome(), nil
}

func (c *clients) probeOnce(o *order, config *tls.Config) (time.Duration, error) {
	d := c.device(o, config, 0)
	start := time.Now()
	conn, code, err := d.connect()
	took := time.Since(start)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if code != 0 {
		return 0, fmt.Errorf("refused with code %d", code)
	}
	_, err = conn.Write(disconnect)
	return took, err
}

// counts are delays, and what went wrong. Many goroutines use it at once.
type counts struct {
	mu     sync.Mutex
	delays []time.Duration
	lost   int
}

func (k *counts) add(took time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.delays) < maxDelays {
		k.delays = append(k.delays, took)
	}
}

func (k *counts) lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lost++
}

func (k *counts) outcome() outcome {
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.Sort(k.delays)
	return outcome{Done: len(k.delays), Lost: k.lost, P50: percentile(k.delays, 50), P99: percentile(k.delays, 99)}
}
