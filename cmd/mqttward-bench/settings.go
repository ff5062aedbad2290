package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// settings are what the command line says.
type settings struct {
	sheets   []string // the sub-commands to run, in order
	rounds   int
	routes   []string
	loops    int // of mqttward's relay; 0: as it is shipped
	markdown bool
	svg      string // a file; empty: none

	low, high int           // idle: the two counts of connections
	echoes    []int         // idle: bytes of the payloads, one after the other
	settle    time.Duration // idle, storm, scale: before anything is read
	connects  int           // connect and refuse: in one round, of one kind
	kinds     string        // connect: a part of the names of the credentials that are measured; empty: all
	clients   []int         // roundtrip
	duration  time.Duration // roundtrip: of one round
	sizes     []int         // stream: bytes of a payload
	streams   []int         // stream: connections that send at once
	volume    int           // stream: MB in one round

	devices int           // storm
	sample  int           // storm: devices with a hash of sampleCost; 0: none
	cost    int           // storm: of the other devices' hash
	live    int           // storm: sessions that go on meanwhile
	gap     time.Duration // storm: from the loss of all connections to their return

	sessions  int           // scale
	processes int           // scale
	share     int           // scale: per cent of the sessions that are TLS
	hold      time.Duration // scale
	keepAlive time.Duration // scale: from a ping to the next
	probes    time.Duration // scale: from a connect to the next
}

// The sub-commands.
const (
	sheetIdle      = "idle"
	sheetConnect   = "connect"
	sheetRefuse    = "refuse"
	sheetRoundTrip = "roundtrip"
	sheetStream    = "stream"
	sheetStorm     = "storm"
	sheetScale     = "scale"
)

func allSheets() []string {
	return []string{sheetIdle, sheetConnect, sheetRefuse, sheetRoundTrip, sheetStream, sheetStorm, sheetScale}
}

// fullSettings are the defaults of a sub-command, shortSettings those of all together.
func fullSettings() settings {
	return settings{
		rounds: 5, routes: usualRoutes(),
		low: 2000, high: 9000, echoes: []int{1 << 10, 16 << 10}, settle: time.Second, connects: 5000,
		clients: []int{1, 50, 500, 2000}, duration: 3 * time.Second,
		sizes: []int{64, 1 << 10, 64 << 10, 1 << 20}, streams: []int{1, 4}, volume: 2000,
		devices: 9000, sample: 300, cost: 6, live: 20, gap: time.Second,
		sessions: 9500, processes: 1, share: 10, hold: 10 * time.Minute,
		keepAlive: time.Minute, probes: 20 * time.Millisecond,
	}
}

func shortSettings() settings {
	s := fullSettings()
	s.low, s.high, s.connects = 500, 2000, 1000
	s.settle, s.duration, s.clients = 300*time.Millisecond, time.Second, []int{1, 50, 500}
	s.sizes, s.streams, s.volume = []int{1 << 10, 1 << 20}, []int{4}, 500
	s.devices, s.sample, s.sessions, s.hold, s.keepAlive = 1000, 0, 2000, 5*time.Second, 5*time.Second
	return s
}

// parseSettings reads the command line. For -h it prints the help to out and returns
// flag.ErrHelp.
func parseSettings(args []string, out io.Writer) (settings, error) {
	s, name := shortSettings(), ""
	s.sheets = allSheets()
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if name = args[0]; !slices.Contains(allSheets(), name) {
			return s, fmt.Errorf("unknown sub-command %q: there are %s", name, strings.Join(allSheets(), ", "))
		}
		s, args = fullSettings(), args[1:]
		s.sheets = []string{name}
	}
	if name == sheetScale {
		s.rounds = 1 // of ten minutes
	}
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // what goes wrong is told once, by main
	f.Usage = func() {}
	s.addFlags(f, name)
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "%s\nFlags:\n", usage)
		f.SetOutput(out)
		f.PrintDefaults()
		return s, err
	case err == nil && f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case err == nil:
		err = s.check()
	}
	return s, err
}

// check holds the settings to their bounds.
func (s *settings) check() error {
	for i, name := range s.routes {
		switch {
		case !slices.Contains(routeNames(), name):
			return fmt.Errorf("-routes: %q is none of %s", name, strings.Join(routeNames(), ", "))
		case slices.Contains(s.routes[:i], name):
			return fmt.Errorf("-routes: %q is there twice", name)
		}
	}
	if len(credentialsLike(s.kinds)) == 0 {
		return fmt.Errorf("-credentials: %q is in the name of none", s.kinds)
	}
	for _, b := range s.bounds() {
		if b.value < b.least || b.value > b.most {
			return fmt.Errorf("-%s: %d is not between %d and %d", b.flag, b.value, b.least, b.most)
		}
	}
	return nil
}

// bound is a flag's value, or its milliseconds, and what it must lie between.
type bound struct {
	flag               string
	value, least, most int
}

func (s *settings) bounds() []bound {
	const hour = 3_600_000
	milliseconds := func(d time.Duration) int { return int(d / time.Millisecond) }
	all := []bound{
		{"rounds", s.rounds, 1, 100}, {"loops", s.loops, 0, 1024},
		{"low", s.low, 1, 100_000}, {"high", s.high, s.low + 1, 100_000},
		{"connects", s.connects, 1, 100_000}, {"volume", s.volume, 1, 100_000},
		{"settle", milliseconds(s.settle), 0, 300_000},
		{"duration", milliseconds(s.duration), 10, 60_000},
		{"devices", s.devices, 1, 100_000}, {"sample", s.sample, 0, 100_000}, {"cost", s.cost, 4, 12},
		{"live", s.live, 1, 1000}, {"gap", milliseconds(s.gap), 0, 300_000},
		{"sessions", s.sessions, 1, 1_000_000}, {"processes", s.processes, 1, 256}, {"tls", s.share, 0, 100},
		{"duration", milliseconds(s.hold), 100, 24 * hour}, {"keepalive", milliseconds(s.keepAlive), 100, hour},
		{"probes", milliseconds(s.probes), 1, hour},
	}
	for _, list := range []struct {
		flag   string
		values []int
		most   int
	}{{"echo", s.echoes, 1 << 20}, {"clients", s.clients, 100_000}, {"sizes", s.sizes, 16 << 20}, {"streams", s.streams, 100}} {
		for _, n := range list.values {
			all = append(all, bound{list.flag, n, 1, list.most})
		}
	}
	return all
}
