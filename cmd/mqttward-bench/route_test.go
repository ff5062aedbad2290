package main

import (
	"slices"
	"strings"
	"testing"
)

func TestEngineIsWrittenOnlyWhereItIsChosen(t *testing.T) {
	for _, c := range []struct {
		route string
		loops int
		want  string
	}{
		{routeMqttward, 0, ""},
		{routeMqttward, 3, "[relay]\nloops = 3\n"},
		{routeUring, 0, "[relay]\nengine = \"uring\"\n"},
		{routeEpoll, 1, "[relay]\nengine = \"epoll\"\nloops = 1\n"},
		{routeGoroutine, 0, "[relay]\nengine = \"goroutine\"\n"},
	} {
		b := &bench{loops: c.loops, secrets: &secrets{}}
		if got := b.engine(c.route).text(); got != c.want {
			t.Errorf("%s with %d loops: got %q, want %q", c.route, c.loops, got, c.want)
		}
		if got := b.plan(c.route, nil).config; strings.Contains(got, "[relay]") != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %d loops: got\n%s\nwant %q in it", c.route, c.loops, got, c.want)
		}
	}
}

func TestUsualRoutesAreAsShipped(t *testing.T) {
	for _, name := range routeNames() {
		want := !isMqttward(name) || name == routeMqttward
		if got := slices.Contains(usualRoutes(), name); got != want {
			t.Errorf("%s: got usual %t, want %t", name, got, want)
		}
	}
	if isMqttward(routeHAProxy) || isMqttward("mqttwardian") || !isMqttward(routeEpoll) {
		t.Error("isMqttward knows its routes: want haproxy no, mqttwardian no, mqttward-epoll yes")
	}
}

func TestBrokersForAFleet(t *testing.T) {
	for _, c := range []struct{ sessions, processes, want int }{
		{9500, 1, 1}, {16_000, 2, 1}, {60_000, 8, 4}, {60_000, 5, 5}, {20, 8, 1},
	} {
		if got := brokersFor(c.sessions, c.processes); got != c.want {
			t.Errorf("%d sessions in %d processes: got %d brokers, want %d", c.sessions, c.processes, got, c.want)
		}
	}
}

func TestPartsAreTheWhole(t *testing.T) {
	for _, n := range []int{0, 1, 7, 60_000} {
		sum := 0
		for i := range 4 {
			sum += part(n, 4, i)
		}
		if sum != n {
			t.Errorf("%d in four parts: got %d in all", n, sum)
		}
	}
}

func TestWhatIsNotInstalledIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, want := range map[string]string{
		routeDirect: "", routeMqttward: "", routeEpoll: "",
		routeHAProxy: "haproxy is not installed", routeSplice: "haproxy is not installed", routeNginx: "nginx is not installed",
	} {
		if got := missing(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
