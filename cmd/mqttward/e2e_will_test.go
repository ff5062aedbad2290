package main_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"mqttward/packets"
)

// fullWill is a will with all that one can have.
func fullWill(version, topic string) *message {
	w := &message{topic: topic, payload: "gone", qos: 1}
	if version == "5.0" {
		w.properties = properties{"text/plain", "answer/here", "c-1", "celsius"}
	}
	return w
}

func TestAWillFollowsAnAbruptEndAndNoCleanOne(t *testing.T) {
	t.Parallel()
	asWithoutProxy(t, func(s *scene) {
		watcher := s.connect("watcher", profile{})
		watcher.subscribe(s.topic("#"), 1)
		will := fullWill(s.version, s.topic("will"))
		ends := []struct {
			name string
			end  func(*device)
		}{
			{"DISCONNECT", (*device).disconnect},
			{"close", func(d *device) { d.vanish(false) }},
			{"reset", func(d *device) { d.vanish(true) }},
		}
		for i, end := range ends {
			dying := s.connect("dying", profile{will: will})
			end.end(dying)
			s.waitEnded("dying", i+1)
			marker := message{topic: s.topic("marker"), payload: end.name, qos: 1}
			watcher.publish(marker)
			wills := 0
			for {
				got := watcher.receive()
				if got == marker {
					break
				}
				s.sees("%s: %v", end.name, got)
				got.properties = will.properties // not every broker keeps all of them
				if got != *will {
					s.Fatalf("%s: got %v, want %v", end.name, got, *will)
				}
				wills++
			}
			if want := min(i, 1); wills != want {
				s.Errorf("%s: %d wills, want %d", end.name, wills, want)
			}
		}
	})
}

// Section 11: rewriting CONNECT keeps everything else, the will's properties included.
func TestWillPropertiesSurviveEveryCredentialsMode(t *testing.T) {
	t.Parallel()
	m := startMosquitto(t)
	for i, mode := range []string{
		"mode = \"forward\"",
		"mode = \"strip\"",
		"mode = \"replace\"\nusername = \"gateway-%c\"",
	} {
		w := startWard(t, plainListener, upstreamAt(m.addr()), "[upstream.credentials]\n"+mode, sampleTokens)
		for _, version := range versions {
			space := fmt.Sprint(i, "/", version)
			watcher := connect(t, m.addr(), profile{version: version, id: "watcher"})
			watcher.subscribe(space+"/#", 1)
			want := fullWill(version, space+"/will")
			c := rawProfile(version, "dying")
			c.Will, c.WillQoS = true, want.qos
			c.WillTopic, c.WillPayload = []byte(want.topic), []byte(want.payload)
			if version == "5.0" {
				c.WillProperties = rawProperties(want.properties)
			}
			conn := dialRaw(t, w.addr("plain"), packets.AppendConnect(nil, c))
			readCode(t, conn)
			conn.Close()
			if got := watcher.receive(); got != *want {
				t.Errorf("%s, %s: got %v, want %v", mode, version, got, *want)
			}
			watcher.disconnect()
		}
	}
}

// rawProperties are those of a will or a message. paho.golang leaves most of a will's out.
func rawProperties(p properties) []byte {
	var b []byte
	text := func(s string) {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	for _, property := range []struct {
		id    byte
		value string
	}{{0x03, p.contentType}, {0x08, p.responseTopic}, {0x09, p.correlation}} {
		b = append(b, property.id)
		text(property.value)
	}
	b = append(b, 0x26)
	text(userProperty)
	text(p.user)
	return b
}
