package main_test

import (
	"crypto/rand"
	"fmt"
	"testing"
)

func TestMessagesPassAtEveryQoS(t *testing.T) {
	t.Parallel()
	asWithoutProxy(t, func(s *scene) {
		reader := s.connect("reader", profile{})
		writer := s.connect("writer", profile{})
		for qos := range byte(3) {
			filter := s.topic(fmt.Sprint("qos", qos))
			reader.subscribe(filter, qos)
			for i := range 10 {
				want := message{topic: filter, payload: fmt.Sprint("message ", i), qos: qos}
				if s.version == "5.0" {
					want.properties = properties{"text/plain", s.topic("answer"), "c-1", "celsius"}
				}
				writer.publish(want)
				got := reader.receive()
				if got != want {
					s.Fatalf("got %v, want %v", got, want)
				}
				s.sees("%v", got)
			}
		}
	})
}

func TestRetainedMessagesAreKeptAndDeleted(t *testing.T) {
	t.Parallel()
	asWithoutProxy(t, func(s *scene) {
		retained := message{topic: s.topic("state"), payload: "on", qos: 1, retain: true}
		writer := s.connect("writer", profile{})
		writer.publish(retained)
		// PUBACK says that the broker has it, not that it is done with it.
		done := message{topic: s.topic("done"), qos: 1}
		writer.subscribe(done.topic, 1)
		writer.publish(done)
		writer.receive()
		reader := s.connect("reader", profile{})
		reader.subscribe(s.topic("#"), 1)
		if got := reader.receive(); got != retained {
			s.Fatalf("got %v, want %v", got, retained)
		}
		writer.publish(message{topic: retained.topic, qos: 1, retain: true}) // deletes it
		s.sees("%v", reader.receive())

		late := s.connect("late", profile{})
		late.subscribe(s.topic("#"), 1)
		marker := message{topic: s.topic("marker"), payload: "nothing came before", qos: 1}
		writer.publish(marker)
		if got := late.receive(); got != marker {
			s.Fatalf("after the deletion: got %v, want %v", got, marker)
		}
		s.sees("no retained message")
	})
}

func TestTenMebibytesPassBothWays(t *testing.T) {
	t.Parallel()
	payload := make([]byte, 10<<20)
	_, _ = rand.Read(payload)
	asWithoutProxy(t, func(s *scene) {
		one, two := s.connect("one", profile{}), s.connect("two", profile{})
		one.subscribe(s.topic("to-one"), 1)
		two.subscribe(s.topic("to-two"), 1)
		for _, way := range []struct {
			from, to *device
			topic    string
		}{{one, two, "to-two"}, {two, one, "to-one"}} {
			want := message{topic: s.topic(way.topic), payload: string(payload), qos: 1}
			way.from.publish(want)
			if got := way.to.receive(); got != want {
				s.Fatalf("got %v, want %v", got, want)
			}
			s.sees("%s is the same", way.topic)
		}
	})
}
