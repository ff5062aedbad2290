package daemon

import (
	"context"
	"os"
	"syscall"
)

// Signals are those that [Daemon.Run] understands beside SIGTERM and SIGINT: from the start of the
// process on, or they end it.
func Signals() []os.Signal {
	all := []os.Signal{syscall.SIGHUP}
	if signalUpgrade != nil {
		all = append(all, signalUpgrade)
	}
	return all
}

// heard are signals, by what they ask for.
type heard struct {
	stops    <-chan os.Signal
	hangups  chan struct{} // of one
	upgrades <-chan struct{}
}

// sortSignals takes signals apart as they come, so that none is lost because another is being
// dealt with: those that stop, and hang-ups and upgrades, of which one stands for all that have not
// been heard.
func sortSignals(ctx context.Context, signals <-chan os.Signal) heard {
	stops, hangups, upgrades := make(chan os.Signal, 2), make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				switch s {
				case syscall.SIGHUP:
					note(hangups)
				case signalUpgrade:
					note(upgrades)
				default:
					select {
					case stops <- s:
					default: // two are enough
					}
				}
			}
		}
	}()
	return heard{stops, hangups, upgrades}
}

func note(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
