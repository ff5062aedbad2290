package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// addFlags adds the flags of a sub-command, or of all of them together. Their defaults are
// what the settings have.
func (s *settings) addFlags(f *flag.FlagSet, sheet string) {
	f.IntVar(&s.rounds, "rounds", s.rounds, "how often everything is measured, 1 to 100; the tables have medians")
	f.IntVar(&s.loops, "loops", s.loops, "the event loops of mqttward's relay, 0 to 1024; 0 leaves them to mqttward")
	f.BoolVar(&s.markdown, "markdown", s.markdown, "print the tables as Markdown")
	f.StringVar(&s.svg, "svg", s.svg, "a `file` for a chart of the ratios to haproxy")
	f.Func("routes", "what to measure, separated by commas, of "+strings.Join(routeNames(), ",")+
		"; what is not installed is left out (default "+strings.Join(s.routes, ",")+")", func(text string) error {
		s.routes = strings.Split(text, ",")
		return nil
	})
	switch sheet {
	case sheetIdle:
		f.IntVar(&s.low, "low", s.low, "the smaller `count` of connections, 1 to 100000; memory per connection is the slope between the two")
		f.IntVar(&s.high, "high", s.high, "the larger `count` of connections, more than -low, at most 100000")
		numbers(f, "echo", &s.echoes, "the payloads that each connection then sends there and back, one after the other, in bytes, 1 to 1048576 each")
		f.DurationVar(&s.settle, "settle", s.settle, "the wait before memory is read, 0s to 5m")
	case sheetConnect, sheetRefuse:
		f.IntVar(&s.connects, "connects", s.connects, "connects in one round of one kind, 1 to 100000")
		if sheet == sheetConnect {
			f.StringVar(&s.kinds, "credentials", s.kinds, "measure only the credentials in whose `name` this is, as in \"RS256\" or \"fresh\"")
		}
	case sheetRoundTrip:
		numbers(f, "clients", &s.clients, "how many clients send at once, 1 to 100000 each")
		f.DurationVar(&s.duration, "duration", s.duration, "the length of one round, 10ms to 1m")
	case sheetStream:
		numbers(f, "sizes", &s.sizes, "payloads in bytes, 1 to 16777216 each")
		numbers(f, "streams", &s.streams, "how many connections send at once, 1 to 100 each")
		f.IntVar(&s.volume, "volume", s.volume, "what is sent in one round, in `MB`, 1 to 100000")
	case sheetStorm:
		s.addStormFlags(f)
	case sheetScale:
		s.addScaleFlags(f)
	}
}

func (s *settings) addStormFlags(f *flag.FlagSet) {
	f.IntVar(&s.devices, "devices", s.devices, "how many come at once, 1 to 100000")
	f.IntVar(&s.cost, "cost", s.cost, "bcrypt's cost for their passwords, 4 to 12")
	f.IntVar(&s.sample, "sample", s.sample, fmt.Sprintf("how many come at once in the storms with cost %d; 0 leaves these out", sampleCost))
	f.IntVar(&s.live, "live", s.live, "the sessions that go on meanwhile, 1 to 1000")
	f.DurationVar(&s.gap, "gap", s.gap, "the time between the loss of all connections and their return, 0s to 5m")
	f.DurationVar(&s.settle, "settle", s.settle, "how long all is quiet before, 0s to 5m")
}

func (s *settings) addScaleFlags(f *flag.FlagSet) {
	f.IntVar(&s.sessions, "sessions", s.sessions, "how many are held, 1 to 1000000")
	f.IntVar(&s.processes, "processes", s.processes, "the mqttwards that share the port, 1 to 256")
	f.IntVar(&s.share, "tls", s.share, "how many of a hundred sessions are TLS, 0 to 100")
	f.DurationVar(&s.hold, "duration", s.hold, "how long they are held, 100ms to 24h")
	f.DurationVar(&s.keepAlive, "keepalive", s.keepAlive, "the time between a session's pings, 100ms to 1h")
	f.DurationVar(&s.probes, "probes", s.probes, "the time from one connect that is probed to the next, 1ms to 1h")
	f.DurationVar(&s.settle, "settle", s.settle, "the wait before memory is read, 0s to 5m")
}

// numbers adds a flag that is a list.
func numbers(f *flag.FlagSet, name string, list *[]int, text string) {
	var words []string
	for _, n := range *list {
		words = append(words, strconv.Itoa(n))
	}
	text += ", separated by commas (default " + strings.Join(words, ",") + ")"
	f.Func(name, text, func(given string) error {
		*list = nil
		for word := range strings.SplitSeq(given, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("%q is no whole number", word)
			}
			*list = append(*list, n)
		}
		return nil
	})
}
