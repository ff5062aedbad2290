package main

import (
	"testing"

	"mqttward/packets"
)

func TestPublishIsOneWholePacket(t *testing.T) {
	// The Remaining Length grows by a byte between the two of each pair.
	for _, size := range []int{1, 118, 119, 16374, 16375, 2097142, 2097143} {
		p := publish(size)
		if n, err := packets.PacketSize(p); n != len(p) || err != nil {
			t.Errorf("payload of %d bytes: a packet of %d, whose header says %d, %v", size, len(p), n, err)
		}
		if got, want := string(p[len(p)-size-len(topic):len(p)-size]), topic; got != want {
			t.Errorf("payload of %d bytes: before it %q, want %q", size, got, want)
		}
	}
}
