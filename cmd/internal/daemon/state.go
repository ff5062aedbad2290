package daemon

import (
	"crypto/tls"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"mqttward/proxy/admin"
)

// state is what the admin listener shows.
func (d *Daemon) state() admin.State {
	g := d.generation()
	s := admin.State{
		Version: Version(), Started: d.started, Draining: d.draining.Load(),
		Loaded: g.loaded, Reloads: d.reloads(),
		Stages: g.stageNames(), Traffic: d.server.Traffic(), Bans: d.server.Bans(), Upstreams: g.upstream.Status(),
		KeySet: g.keySet(), Certificates: g.certificates(), RevocationLists: g.revocationLists(),
	}
	for _, l := range d.listeners {
		s.Listeners = append(s.Listeners, admin.Listener{Name: l.Name, Address: l.Addr().String(), TLS: l.Secure, Observed: g.observed(l.Name)})
	}
	return s
}

// observed is the share of client ids, in per cent, whom a listener does not refuse.
func (g *generation) observed(listener string) int {
	if e, partly := g.policy.Enforcement[listener]; partly {
		return 100 - e.Percent
	}
	return 0
}

// notices say which listeners only observe.
func (d *Daemon) notices() []string {
	var all []string
	g := d.generation()
	for _, l := range d.listeners {
		if notice := (admin.Listener{Name: l.Name, Observed: g.observed(l.Name)}).Notice(); notice != "" {
			all = append(all, notice)
		}
	}
	return all
}

// status is how it goes, in a line for who looks at the service.
func (d *Daemon) status() string {
	sessions, g := d.server.Sessions(), d.generation()
	switch {
	case d.draining.Load():
		return fmt.Sprintf("ending, %d sessions left", sessions)
	case d.reloads().LastFailed():
		return fmt.Sprintf("%d sessions; the configuration was faulty when it was last read, the one of %s is in force", sessions, g.loaded.Format(time.DateTime))
	}
	return fmt.Sprintf("%d sessions, by the configuration of %s", sessions, g.loaded.Format(time.DateTime))
}

// keySet is nil where none is configured.
func (g *generation) keySet() *admin.KeySet {
	if g.jwt == nil {
		return nil
	}
	keys, ok := g.jwt.JWKSStatus()
	if !ok {
		return nil
	}
	shown := &admin.KeySet{
		URL: keys.URL, Fetched: keys.LastSuccess, FromCache: keys.FromCache, Usable: keys.Usable,
		Keys: keys.Keys, PassedOver: keys.PassedOver, Fetches: map[string]uint64{},
	}
	for _, f := range keys.Fetches {
		shown.Fetches[f.Result] = f.Count
	}
	return shown
}

// certificates are those that are in force, in the order of their names.
func (g *generation) certificates() []admin.Certificate {
	var all []admin.Certificate
	add := func(name string, conf *tls.Config) {
		for i, c := range conf.Certificates {
			shown := name
			if i > 0 {
				shown = fmt.Sprintf("%s certificate[%d]", name, i-1) // as its key counts
			}
			all = append(all, admin.Certificate{Name: shown, NotAfter: c.Leaf.NotAfter})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g.policy.TLS)) {
		add("listener "+name, g.policy.TLS[name].Config)
	}
	if g.upstreamTLS != nil {
		add("upstream", g.upstreamTLS)
	}
	return all
}

// revocationLists are those that are in force and have an end.
func (g *generation) revocationLists() map[string]time.Time {
	all := map[string]time.Time{}
	for listener, r := range g.lists {
		if next := r.NextUpdate(); !next.IsZero() {
			all[listener] = next
		}
	}
	return all
}

// notReady says why no client should be sent here.
func (d *Daemon) notReady() []string {
	var why []string
	if d.draining.Load() {
		why = append(why, "shutting down")
	}
	g := d.generation()
	if !g.upstream.Up() {
		why = append(why, "no upstream is up")
	}
	if g.onlyKeySet() {
		if keys, _ := g.jwt.JWKSStatus(); !keys.Usable {
			why = append(why, "nobody can be judged: the key set is not there")
		}
	}
	return why
}

// onlyKeySet reports whether a key set is all that lets anybody in.
func (g *generation) onlyKeySet() bool {
	j := g.config.Auth.JWT
	return g.builtin == nil && !g.config.Auth.AllowAnonymous &&
		j != nil && j.JWKS != nil && !j.Secret.IsSet() && j.PublicKeyFile == ""
}

// Version is that of the module that the program was built from.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
