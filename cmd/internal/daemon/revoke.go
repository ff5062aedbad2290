package daemon

import (
	"mqttward/auth"
	"mqttward/proxy"
)

// gatherUsers collects the marks of the users, where sessions of those that are gone are to end. It is
// for a generation that takes the place of another: before the first one nobody was let in.
func (g *generation) gatherUsers() {
	if g.config.Reload.RevokeLive && g.builtin != nil {
		g.users = g.builtin.Marks()
	}
}

// standing tells what became of the user or key that let a client in.
func (g *generation) standing(m auth.Mark) auth.Standing {
	switch {
	case m.Origin() == auth.OfUser && g.builtin == nil:
		return auth.Gone
	case m.Origin() == auth.OfUser && g.users == nil:
		return auth.Stands // they are the same as ever
	case m.Origin() == auth.OfUser:
		return g.users.Standing(m)
	case g.jwt != nil:
		return g.jwt.Standing(m)
	case m.Origin() == auth.OfFetchedKey:
		return auth.Withdrawn
	}
	return auth.Gone
}

// fetched tells of key sets that were fetched; nil where there are none.
func (g *generation) fetched() <-chan struct{} {
	if g.jwt == nil {
		return nil
	}
	return g.jwt.Fetched()
}

// revoke ends the sessions that must not go on under g, which has just been put in force. Where it says
// that all go on, those do too whose turn to end was to come.
func (d *Daemon) revoke(g *generation) {
	if !g.config.Reload.RevokeLive {
		d.server.Revoke(proxy.Revocation{})
		return
	}
	d.revokeKeys(g)
}

// revokeKeys does it once more after g has fetched keys, where sessions end with them.
func (d *Daemon) revokeKeys(g *generation) {
	if !g.config.Reload.RevokeLive {
		return
	}
	r := d.server.Revoke(proxy.Revocation{Standing: g.standing, Lists: g.lists, Over: g.config.Shutdown.DrainTimeout})
	if r != (proxy.Revoked{}) {
		d.log.Info("sessions end whose user, password, key or certificate is gone", "now", r.Now, "later", r.Later)
	}
}
