package main_test

import (
	"fmt"
	"slices"
	"testing"

	"mqttward/proxy/proxytest"
)

func TestASessionIsResumedWithWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	asWithoutProxy(t, func(s *scene) {
		away := s.connect("away", profile{resume: true})
		s.sees("session present at first: %v", away.resumed)
		away.subscribe(s.topic("#"), 1)
		away.disconnect()
		s.waitEnded("away", 1)
		writer := s.connect("writer", profile{})
		for i := range 5 {
			writer.publish(message{topic: s.topic("queued"), payload: fmt.Sprint(i), qos: 1})
		}
		b, isEmbedded := s.broker.(*embedded)
		if isEmbedded { // it acknowledges a message before it queues it
			proxytest.Eventually(s, "all is queued", func() bool { return b.queues(s.id("away")) >= 5 })
		}
		back := s.connect("away", profile{resume: true})
		if s.version != "3.1" && !back.resumed { // 3.1 has no such flag
			s.Error("on return: session present is 0, want 1")
		}
		s.sees("session present on return: %v", back.resumed)
		var got, want []string
		for i := range 5 {
			got = append(got, back.receive().String())
			want = append(want, message{topic: s.topic("queued"), payload: fmt.Sprint(i), qos: 1}.String())
		}
		if isEmbedded {
			slices.Sort(got) // it keeps no order in its queue
		}
		if !slices.Equal(got, want) {
			s.Errorf("on return: got %q, want %q", got, want)
		}
		back.disconnect()
		s.waitEnded("away", 2)
		fresh := s.connect("away", profile{})
		s.sees("session present after a clean start: %v", fresh.resumed)
	})
}

func TestASecondClientOfTheSameIDTakesOver(t *testing.T) {
	t.Parallel()
	const sessionTakenOver = 0x8e
	asWithoutProxy(t, func(s *scene) {
		first := s.connect("same", profile{})
		second := s.connect("same", profile{})
		want := noCode
		if _, ok := s.broker.(*embedded); ok && s.version == "5.0" {
			want = sessionTakenOver // some mosquittos just close
		}
		got := first.ending()
		if got != want && want != noCode {
			s.Errorf("the first client ended with %#x, want %#x", got, want)
		}
		second.subscribe(s.topic("#"), 0)
		second.publish(message{topic: s.topic("x"), payload: "still here"})
		s.sees("the first ended with %#x, the second got %v", got, second.receive())
	})
}
