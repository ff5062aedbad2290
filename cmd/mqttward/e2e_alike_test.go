package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mqttward/proxy/proxytest"
)

// scene is a broker as one run of a scenario reaches it: directly, or through mqttward.
type scene struct {
	*testing.T
	broker  broker
	address string
	version string
	space   string // what the run's topics and client ids begin with
	seen    []string
}

// topic and id keep the runs of a scenario apart.
func (s *scene) topic(name string) string { return s.space + "/" + name }
func (s *scene) id(name string) string    { return s.space + "-" + name }

// connect connects a device called name.
func (s *scene) connect(name string, p profile) *device {
	s.Helper()
	p.version, p.id = s.version, s.id(name)
	return connect(s, s.address, p)
}

// sees notes what a client saw.
func (s *scene) sees(format string, args ...any) {
	s.seen = append(s.seen, strings.ReplaceAll(fmt.Sprintf(format, args...), s.space, ""))
}

// waitEnded waits until the broker has done with a device's n-th session.
func (s *scene) waitEnded(name string, n int) {
	s.Helper()
	proxytest.Eventually(s, fmt.Sprintf("the broker ends session %d of %s", n, s.id(name)), func() bool {
		return s.broker.ended(s.id(name)) >= n
	})
}

// asWithoutProxy plays a scenario before each broker in each version of MQTT, once directly
// and once through mqttward, and demands that clients see the same.
func asWithoutProxy(t *testing.T, play func(s *scene)) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			b := kind.start(t)
			w := startWard(t, plainListener, upstreamAt(b.addr()), sampleTokens)
			for _, version := range versions {
				t.Run(version, func(t *testing.T) {
					direct := &scene{T: t, broker: b, address: b.addr(), version: version, space: "d" + version}
					proxied := &scene{T: t, broker: b, address: w.addr("plain"), version: version, space: "p" + version}
					play(direct)
					play(proxied)
					if len(direct.seen) == 0 || !slices.Equal(proxied.seen, direct.seen) {
						t.Errorf("through mqttward a client saw\n%s\nwant what it saw without\n%s",
							strings.Join(proxied.seen, "\n"), strings.Join(direct.seen, "\n"))
					}
				})
			}
			if got := w.log.lines("msg=connected"); got == 0 {
				t.Error("no client came through mqttward")
			}
		})
	}
}
