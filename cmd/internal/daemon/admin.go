package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"

	"mqttward/auth"
	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/admin"
	"mqttward/proxy/upstream"
)

// adminListener is where the daemon can be looked at. Nil is none: all its methods do nothing
// then.
type adminListener struct {
	bind     string // as opened, whatever a reload says
	recorder *admin.Recorder
	server   *admin.Server
	listener net.Listener
	exposed  bool // others than this machine reach it, whatever bind says: the socket may have been passed
}

// newRecorder returns what counts, where somebody can look at it; nil where nobody can.
func newRecorder(c *config.Config) *admin.Recorder {
	if c.Admin.Bind == "" {
		return nil
	}
	names := make([]string, len(c.Listeners))
	for i, l := range c.Listeners {
		names[i] = l.Name
	}
	return admin.NewRecorder(names)
}

// The recorder as each package wants it: nil must be a nil interface there.

func observer(r *admin.Recorder) proxy.Observer {
	if r == nil {
		return nil
	}
	return r
}

func (b *builder) authObserver(stages []auth.Authenticator) auth.Observer {
	if b.recorder == nil {
		return nil
	}
	for _, s := range stages {
		b.recorder.BeginStage(s.Name())
	}
	return b.recorder
}

func (b *builder) upstreamObserver() upstream.Observer {
	if b.recorder == nil {
		return nil
	}
	return b.recorder
}

// openAdmin makes the admin listener of c, where it has one, without opening it.
func (d *Daemon) openAdmin(c config.Admin, r *admin.Recorder) {
	if r == nil {
		return
	}
	d.admin = &adminListener{bind: c.Bind, recorder: r, server: admin.New(admin.Options{
		Recorder: r, State: d.state, Banned: d.server.Banned, NotReady: d.notReady, Notices: d.notices, Settings: adminSettings(c), Log: d.log.Logger,
	})}
}

// adminSettings are what of c can change while the listener is open.
func adminSettings(c config.Admin) admin.Settings {
	s := admin.Settings{Token: c.Token.Reveal(), Hosts: c.Hosts, Pprof: c.Pprof}
	if host, _, err := net.SplitHostPort(c.Bind); err == nil && host != "" {
		s.Hosts = append(slices.Clone(s.Hosts), host)
	}
	return s
}

// swapAdmin changes what of the admin listener can change while it is open. With another address
// all of it stays: a token that only loopback can do without must not go.
func (d *Daemon) swapAdmin(c config.Admin) {
	switch {
	case d.admin == nil && c.Bind == "":
	case d.admin == nil || c.Bind != d.admin.bind:
		d.log.Warn("a new admin.bind wants a restart: the admin listener stays as it is")
	case d.admin.exposed && !c.Token.IsSet():
		d.log.Warn("the admin listener can be reached from elsewhere: without a token it stays as it is")
	default:
		d.admin.server.Set(adminSettings(c))
	}
}

// recorderOrNone returns what counts, or nil.
func (a *adminListener) recorderOrNone() *admin.Recorder {
	if a == nil {
		return nil
	}
	return a.recorder
}

// listen opens the listener, or takes over the socket in passed, where there is one. A socket may be
// passed that is open to more than the address of the configuration, which wants no token then.
func (a *adminListener) listen(ctx context.Context, passed *os.File, token bool) (err error) {
	if passed != nil {
		a.listener, err = net.FileListener(passed)
	} else {
		a.listener, err = (&net.ListenConfig{}).Listen(ctx, proxy.Network(a.bind), a.bind)
	}
	if err != nil {
		return fmt.Errorf("admin listener: %w", err)
	}
	tcp, ok := a.listener.Addr().(*net.TCPAddr)
	if a.exposed = ok && !tcp.IP.IsLoopback(); a.exposed && !token {
		return fmt.Errorf("admin listener: %s can be reached from elsewhere: that wants a token_file", tcp)
	}
	return nil
}

// serve answers in the background until close.
func (a *adminListener) serve(w *work, failed chan<- error) {
	if a == nil {
		return
	}
	w.daemon.log.Info("admin", "address", a.listener.Addr().String())
	w.background.Go(func() {
		if err := a.server.Serve(a.listener); err != nil {
			failed <- fmt.Errorf("admin listener: %w", err)
		}
	})
}

func (a *adminListener) close() {
	if a == nil {
		return
	}
	_ = a.server.Close()
	if a.listener != nil {
		_ = a.listener.Close() // one that was opened and never served
	}
}

// AdminAddr returns the address of the admin listener, or nil where none is open.
func (d *Daemon) AdminAddr() net.Addr {
	if d.admin == nil || d.admin.listener == nil {
		return nil
	}
	return d.admin.listener.Addr()
}
