package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings are what the command line says.
type settings struct {
	sheets   []string // the sub-commands to run, in order
	rounds   int
	routes   []string
	markdown bool

	low, high int           // idle: the two counts of connections
	echo      int           // idle: bytes of a payload
	settle    time.Duration // idle: between the last packet and reading the memory
	connects  int           // connect and refuse: in one round, of one kind
	clients   []int         // roundtrip
	duration  time.Duration // roundtrip: of one round
	sizes     []int         // stream: bytes of a payload
	volume    int           // stream: MB in one round
}

// The sub-commands.
const (
	sheetIdle      = "idle"
	sheetConnect   = "connect"
	sheetRefuse    = "refuse"
	sheetRoundTrip = "roundtrip"
	sheetStream    = "stream"
)

func allSheets() []string {
	return []string{sheetIdle, sheetConnect, sheetRefuse, sheetRoundTrip, sheetStream}
}

// fullSettings are the defaults of a sub-command, shortSettings those of all together.
func fullSettings() settings {
	return settings{
		low: 2000, high: 9000, echo: 16 << 10, settle: time.Second, connects: 5000,
		clients: []int{1, 50, 500}, duration: 3 * time.Second,
		sizes: []int{1 << 10, 64 << 10, 1 << 20}, volume: 2000,
	}
}

func shortSettings() settings {
	s := fullSettings()
	s.low, s.high, s.connects = 500, 2000, 1000
	s.settle, s.duration, s.volume = 300*time.Millisecond, time.Second, 500
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

func (s *settings) addFlags(f *flag.FlagSet, sheet string) {
	f.IntVar(&s.rounds, "rounds", 5, "how often everything is measured, 1 to 100; the tables have medians")
	f.BoolVar(&s.markdown, "markdown", false, "print the tables as Markdown")
	s.routes = routeNames()
	f.Func("routes", "what to measure, separated by commas; what is not installed is left out (default "+
		strings.Join(s.routes, ",")+")", func(text string) error {
		s.routes = strings.Split(text, ",")
		return nil
	})
	switch sheet {
	case sheetIdle:
		f.IntVar(&s.low, "low", s.low, "the smaller `count` of connections, 1 to 100000; memory per connection is the slope between the two")
		f.IntVar(&s.high, "high", s.high, "the larger `count` of connections, more than -low, at most 100000")
		f.IntVar(&s.echo, "echo", s.echo, "the payload that each connection then sends there and back, in `bytes`, 1 to 1048576")
		f.DurationVar(&s.settle, "settle", s.settle, "the wait before memory is read, 0s to 5m")
	case sheetConnect, sheetRefuse:
		f.IntVar(&s.connects, "connects", s.connects, "connects in one round of one kind, 1 to 100000")
	case sheetRoundTrip:
		f.Func("clients", "how many clients send at once, 1 to 100000 each, separated by commas (default 1,50,500)", numbers(&s.clients))
		f.DurationVar(&s.duration, "duration", s.duration, "the length of one round, 10ms to 1m")
	case sheetStream:
		f.Func("sizes", "payloads in bytes, 1 to 16777216 each, separated by commas (default 1024,65536,1048576)", numbers(&s.sizes))
		f.IntVar(&s.volume, "volume", s.volume, "what is sent in one round, in `MB`, 1 to 100000")
	}
}

// numbers returns a flag's function that reads a list into list.
func numbers(list *[]int) func(string) error {
	return func(text string) error {
		*list = nil
		for word := range strings.SplitSeq(text, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return fmt.Errorf("%q is no whole number", word)
			}
			*list = append(*list, n)
		}
		return nil
	}
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
	bounds := []bound{
		{"rounds", s.rounds, 1, 100}, {"low", s.low, 1, 100_000}, {"high", s.high, s.low + 1, 100_000},
		{"echo", s.echo, 1, 1 << 20}, {"connects", s.connects, 1, 100_000}, {"volume", s.volume, 1, 100_000},
		{"settle", int(s.settle / time.Millisecond), 0, 300_000},
		{"duration", int(s.duration / time.Millisecond), 10, 60_000},
	}
	for _, n := range s.clients {
		bounds = append(bounds, bound{"clients", n, 1, 100_000})
	}
	for _, n := range s.sizes {
		bounds = append(bounds, bound{"sizes", n, 1, 16 << 20})
	}
	for _, b := range bounds {
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
