package daemon

import (
	"context"
	"errors"
	"os"
	"syscall"

	"mqttward/proxy"
)

// Run serves until a signal says to stop, and drains: SIGTERM and SIGINT end it in order, a
// second one at once; SIGHUP reloads the configuration. The listeners must be open. It returns
// nil when every session ended in time, [ErrForced] when some had to be cut, and any other
// error when a listener failed.
func (d *Daemon) Run(signals <-chan os.Signal) error {
	defer d.Close()
	ctx, cancel := context.WithCancel(context.Background())
	w := &work{daemon: d, ctx: ctx, prepared: make(chan prepared)}
	defer w.end()
	defer cancel()
	defer d.admin.close() // whoever looks sees the end, too
	g := d.generation()
	w.begin(g)
	d.log.Info("starting", "stages", g.stageNames(), "upstream", g.config.Upstream.Addresses, "relay", d.engine+": "+d.why,
		"max_connections", g.policy.Limits.MaxConnections, "max_handshakes", g.policy.Limits.MaxHandshakes)
	w.background.Go(func() {
		tidy(ctx, func() (uint64, int) { return d.server.Accepted(), d.server.Sessions() })
	})
	failed := make(chan error, len(d.listeners)+1)
	d.admin.serve(w, failed)
	for _, l := range d.listeners {
		d.log.Info("listening", "listener", l.Name, "address", l.Addr().String(), "tls", l.Secure)
		w.background.Go(func() {
			if err := d.server.Serve(l); !errors.Is(err, proxy.ErrServerClosed) {
				failed <- err
			}
		})
	}
	// Serve returns once the server is closed, and must have before we wait for it.
	defer d.server.Close()
	stops, hangups := sortSignals(ctx, signals)
	reloads := hangups // nil while one is being prepared
	for {
		select {
		case err := <-failed:
			return err
		case s := <-stops:
			return d.drain(s, stops, hangups)
		case <-reloads:
			if d.load == nil {
				d.log.Warn("SIGHUP: there is no configuration file to be read again")
				continue
			}
			w.prepare()
			reloads = nil
		case p := <-w.prepared:
			w.finish(p)
			reloads = hangups
		}
	}
}

// sortSignals takes signals apart as they come, so that none is lost because another is being
// dealt with: those that stop, and hang-ups, of which one stands for all that have not been
// heard.
func sortSignals(ctx context.Context, signals <-chan os.Signal) (stops <-chan os.Signal, hangups <-chan struct{}) {
	stop, hup := make(chan os.Signal, 2), make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if s == syscall.SIGHUP {
					select {
					case hup <- struct{}{}:
					default:
					}
					continue
				}
				select {
				case stop <- s:
				default: // two are enough
				}
			}
		}
	}()
	return stop, hup
}
