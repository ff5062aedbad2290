package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"mqttward/cmd/internal/daemon"
)

// options say how a demo runs.
type options struct {
	// PlainPort, TLSPort and BoundPort are the ports wanted on the loopback interface. Where
	// one is taken, the system chooses another. Zero lets it choose at once.
	PlainPort, TLSPort, BoundPort int
	// TokenLife is how long the token lives that one can watch expire.
	TokenLife time.Duration
	// Log gets mqttward's log. Both of the demo's write to it, a line in one Write.
	Log io.Writer
}

// demo is the broker and the two mqttwards before it: one as most people would have it, and
// one that binds each token to its user name.
type demo struct {
	dir    string // the temporary folder
	broker *broker
	open   *ward
	bound  *ward
	lines  []line
	watch  watcher
	taken  []int // the ports that were wanted and not free
}

// folderPattern names the demo's temporary folders, for os.MkdirTemp and filepath.Glob.
const folderPattern = "mqttward-demo-*"

// start starts everything but the accepting of clients, which is run's. The demo must be
// closed.
func start(o options) (*demo, error) {
	d := &demo{}
	if err := d.start(o); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *demo) start(o options) (err error) {
	if d.dir, err = os.MkdirTemp("", folderPattern); err != nil {
		return err
	}
	if err := writeCertificates(d.dir); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if d.broker, err = startBroker(); err != nil {
		return fmt.Errorf("start the broker: %w", err)
	}
	addresses, err := freeAddresses(o.PlainPort, o.TLSPort, o.BoundPort)
	if err != nil {
		return err
	}
	for i, port := range []int{o.PlainPort, o.TLSPort, o.BoundPort} {
		if port != 0 && !strings.HasSuffix(addresses[i], fmt.Sprintf(":%d", port)) {
			d.taken = append(d.taken, port)
		}
	}
	p := places{Broker: d.broker.address, Plain: addresses[0], TLS: addresses[1], Bound: addresses[2]}
	openText, err := openConfig(p)
	if err != nil {
		return err
	}
	if d.open, err = newWard(d.dir, "mqttward.toml", openText, o.Log); err != nil {
		return err
	}
	if d.bound, err = newWard(d.dir, "bound.toml", boundConfig(p), o.Log); err != nil {
		return err
	}
	now := time.Now()
	d.lines = lines(p, d.caFile(), now)
	d.watch = watchLine(p, now.Add(o.TokenLife))
	return saveLines(d.dir, d.lines)
}

// run serves until a signal says to stop, or one of the two can't go on.
func (d *demo) run(signals <-chan os.Signal) error {
	wards := []*ward{d.open, d.bound}
	stop := make([]chan os.Signal, len(wards))
	ended := make(chan error, len(wards))
	for i, w := range wards {
		stop[i] = make(chan os.Signal, 2)
		go func() { ended <- w.run(stop[i]) }()
	}
	tell := func(s os.Signal) {
		for _, c := range stop {
			select {
			case c <- s:
			default: // a third signal says no more than the second
			}
		}
	}
	var errs []error
	for len(errs) < len(wards) {
		select {
		case s := <-signals:
			tell(s)
		case err := <-ended:
			errs = append(errs, err)
			if err != nil && !errors.Is(err, daemon.ErrForced) {
				tell(os.Interrupt)
			}
		}
	}
	return errors.Join(errs...)
}

// close removes what is left of the demo.
func (d *demo) close() {
	for _, w := range []*ward{d.open, d.bound} {
		if w != nil {
			w.daemon.Close()
		}
	}
	if d.broker != nil {
		d.broker.close()
	}
	if d.dir != "" {
		os.RemoveAll(d.dir)
	}
}
