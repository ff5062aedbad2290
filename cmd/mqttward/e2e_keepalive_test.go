package main_test

import (
	"bytes"
	"net"
	"os"
	"testing"
	"time"

	"mqttward/packets"
)

func TestPingsKeepASessionAlive(t *testing.T) {
	t.Parallel()
	// Not 1 s: half of it more, which clients have, is nothing to a broker that counts in seconds.
	keepAlive(t, 2*time.Second, 3)
}

func TestPingsKeepASessionAliveForMinutes(t *testing.T) {
	if os.Getenv("MQTTWARD_E2E_LONG") == "" {
		t.Skip("takes two minutes: set MQTTWARD_E2E_LONG to run it")
	}
	t.Parallel()
	keepAlive(t, 5*time.Second, 25)
}

// keepAlive lets clients of every version do nothing but ping, directly and through mqttward,
// and then sends each of them a message.
func keepAlive(t *testing.T, interval time.Duration, pings int) {
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b := kind.start(t)
			w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens)
			var devices []*device
			for _, version := range versions {
				for way, address := range map[string]string{"direct": b.addr(), "proxied": w.addr("plain")} {
					d := connect(t, address, profile{version: version, id: way + "-" + version, keepAlive: interval})
					d.subscribe(d.profile.id, 1)
					devices = append(devices, d)
				}
			}
			limit := time.Now().Add(2*time.Duration(pings)*interval + patience)
			for _, d := range devices {
				for b.pings(d.profile.id) < pings {
					if time.Now().After(limit) {
						t.Fatalf("%s: %d pings reached the broker, want %d", d.profile.id, b.pings(d.profile.id), pings)
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
			for _, d := range devices {
				d.publish(message{topic: d.profile.id, payload: "alive", qos: 1})
				if got := d.receive().payload; got != "alive" {
					t.Errorf("%s: got %q, want %q", d.profile.id, got, "alive")
				}
			}
		})
	}
}

func TestTheBrokerClosesAClientThatStopsPinging(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b := kind.start(t)
			w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens)
			watcher := connect(t, b.addr(), profile{version: "5.0", id: "watcher"})
			watcher.subscribe("wills/#", 0)
			silent := func(address, version, way string) net.Conn {
				c := rawProfile(version, way+version)
				c.KeepAlive = 1
				c.Will, c.WillTopic, c.WillPayload = true, []byte("wills/"+way+version), []byte("gone")
				return dialRaw(t, address, packets.AppendConnect(nil, c))
			}
			var direct, proxied []net.Conn // all at once, since a broker takes its time
			for _, version := range versions {
				direct = append(direct, silent(b.addr(), version, "d"))
				proxied = append(proxied, silent(w.addr("plain"), version, "p"))
			}
			for i, version := range versions {
				want, got := readToEnd(t, direct[i]), readToEnd(t, proxied[i])
				if len(want) == 0 || !bytes.Equal(got, want) {
					t.Errorf("%s: got % x, want % x, as without mqttward", version, got, want)
				}
			}
			wills := map[string]bool{}
			for range 2 * len(versions) {
				wills[watcher.receive().topic] = true
			}
			if got, want := len(wills), 2*len(versions); got != want {
				t.Errorf("the wills of %d clients came, want those of %d: %v", got, want, wills)
			}
		})
	}
}
