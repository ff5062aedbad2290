package daemon

import (
	"context"
	"fmt"
	"net"
	"os"

	"mqttward/cmd/internal/handover"
	"mqttward/config"
	"mqttward/proxy"
)

// Listen opens every listener, or takes over the socket that was passed for it. When one fails,
// none stays open.
func (d *Daemon) Listen(ctx context.Context) (err error) {
	defer d.inherited.CloseSockets()
	defer func() {
		if err != nil {
			d.closeListeners()
			for i := range d.listeners {
				d.listeners[i].Listener = nil
			}
		}
	}()
	files, err := d.inherited.Assign(d.sockets())
	if err != nil {
		return err
	}
	if d.admin != nil {
		if err := d.admin.listen(ctx, files[len(d.listeners)], d.generation().config.Admin.Token.IsSet()); err != nil {
			return err
		}
	}
	for i := range d.listeners {
		l, err := d.open(ctx, d.opened[i], files[i])
		if err != nil {
			return fmt.Errorf("listener %q: %w", d.listeners[i].Name, err)
		}
		d.listeners[i].Listener = l
	}
	return nil
}

// sockets are those of all listeners, and behind them the admin listener's, without their files.
func (d *Daemon) sockets() []handover.Socket {
	var all []handover.Socket
	for _, l := range d.opened {
		all = append(all, handover.Socket{Name: l.Name, Bind: l.Bind})
	}
	if d.admin != nil {
		all = append(all, handover.Socket{Name: handover.AdminName, Bind: d.admin.bind})
	}
	return all
}

// open opens a listener, or takes over the socket in passed, where there is one.
func (d *Daemon) open(ctx context.Context, l config.Listener, passed *os.File) (net.Listener, error) {
	switch {
	case passed != nil:
		return d.inherit(l, passed)
	case l.ReusePort:
		return proxy.ListenShared(ctx, l.Bind)
	}
	return proxy.Listen(ctx, l.Bind)
}

// inherit takes over a socket, and tells where it is not as configured.
func (d *Daemon) inherit(l config.Listener, passed *os.File) (net.Listener, error) {
	taken, err := proxy.Inherit(passed)
	if err != nil {
		return nil, fmt.Errorf("take over a socket: %w", err)
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if _, want, err := net.SplitHostPort(l.Bind); err == nil && want != port && want != "0" {
		d.log.Warn("the socket that was passed has another port than bind: the socket's holds", "listener", l.Name, "bind", l.Bind, "address", taken.Addr().String())
	}
	if l.ReusePort {
		d.log.Warn("whether the port can be shared was decided when the socket was opened", "listener", l.Name)
	}
	return taken, nil
}

// closeListeners closes what is open, also where it was never served.
func (d *Daemon) closeListeners() {
	for _, l := range d.listeners {
		if l.Listener != nil {
			l.Close()
		}
	}
	d.admin.close()
}

// duplicates are the listeners' sockets, the admin listener's too, for a successor. The caller closes
// their files.
func (d *Daemon) duplicates() ([]handover.Socket, error) {
	all := d.sockets()
	for i := range all {
		var l net.Listener
		if i < len(d.listeners) {
			l = d.listeners[i].Listener
		} else {
			l = d.admin.listener
		}
		f, err := proxy.Duplicate(l)
		if err != nil {
			closeFiles(all)
			return nil, fmt.Errorf("listener %q: %w", all[i].Name, err)
		}
		all[i].File = f
	}
	return all, nil
}

func closeFiles(sockets []handover.Socket) {
	for _, s := range sockets {
		if s.File != nil {
			s.File.Close()
		}
	}
}
