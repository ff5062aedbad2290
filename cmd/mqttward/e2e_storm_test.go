package main_test

import (
	"fmt"
	"sync"
	"testing"

	"mqttward/proxy/proxytest"
)

// It runs alone, since it counts goroutines and descriptors.
func TestAStormOfClientsLeavesNothingBehind(t *testing.T) {
	proxytest.CheckLeaks(t)
	const clients, atOnce = 200, 20
	b := startEmbedded(t)
	w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for n := range numbers {
				if err := comeAndGo(t, w.addr("plain"), n); err != nil {
					t.Errorf("client %d: %v", n, err)
				}
			}
		})
	}
	for n := range clients {
		numbers <- n
	}
	close(numbers)
	workers.Wait()
	proxytest.Eventually(t, "every session is over", func() bool { return w.log.lines(`msg="session ended"`) == clients })
	if got := b.accepted(); got != clients {
		t.Errorf("the broker has accepted %d connections, want %d", got, clients)
	}
	if got := b.publishes(); got != clients {
		t.Errorf("the broker has got %d messages, want %d", got, clients)
	}
	if got := w.log.lines("msg=connected"); got != clients {
		t.Errorf("%d lines tell of a client, want %d", got, clients)
	}
}

// comeAndGo connects, publishes and disconnects a client.
func comeAndGo(t *testing.T, address string, n int) error {
	id := fmt.Sprintf("client-%03d", n)
	d, err := tryConnect(t, address, profile{version: versions[n%len(versions)], id: id})
	if err != nil {
		return err
	}
	if err := d.link.publish(message{topic: "storm/" + id, payload: "hello", qos: byte(n) % 3}); err != nil {
		return err
	}
	err = d.link.disconnect()
	d.link = nil
	return err
}
