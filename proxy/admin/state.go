package admin

import (
	"fmt"
	"time"

	"mqttward/proxy"
	"mqttward/proxy/upstream"
)

// State is all that is shown and is true of a moment.
type State struct {
	// Version is that of the program.
	Version string
	// Started is when the process began to serve.
	Started time.Time
	// Draining says that the process is ending.
	Draining bool
	// Loaded is when the configuration in force was read.
	Loaded time.Time
	// Reloads are what became of reading the configuration anew.
	Reloads Reloads
	// Stages are the names of what judges clients, in order.
	Stages []string
	// Listeners are where clients come in.
	Listeners []Listener
	// Traffic is what sessions carry.
	Traffic proxy.Traffic
	// Bans is how many addresses are banned.
	Bans int
	// Upstreams are the broker's addresses.
	Upstreams []upstream.Status
	// KeySet is nil where none is configured.
	KeySet *KeySet
	// Certificates are those that we show.
	Certificates []Certificate
	// RevocationLists tell, by listener, when a newer list of revoked client certificates is due:
	// without it clients are refused from then on. A listener whose lists have no end is not in it.
	RevocationLists map[string]time.Time
}

// Reloads are what became of reading the configuration anew. The zero value is that it never was.
type Reloads struct {
	// Succeeded is when what was read was last put in force; zero where it never was.
	Succeeded time.Time
	// Failed is when it last changed nothing, because of a fault; zero where it never did.
	Failed time.Time
	// Problems are the faults of then, as in the log; they hold no secret. More is how many there
	// were besides.
	Problems []string
	More     int
}

// LastFailed reports whether the last reload failed.
func (r Reloads) LastFailed() bool { return r.Failed.After(r.Succeeded) }

// Listener is an address that clients connect to.
type Listener struct {
	Name, Address string
	TLS           bool
	// Observed is the share of client ids, in per cent, whom the stages do not refuse here: 0 is
	// as usual, 100 refuses nobody.
	Observed int
}

// Notice says of a listener that does not refuse everybody that it does not; empty where it does.
func (l Listener) Notice() string {
	switch {
	case l.Observed >= 100:
		return fmt.Sprintf("listener %q ONLY OBSERVES: whom the stages would refuse is let through", l.Name)
	case l.Observed > 0:
		return fmt.Sprintf("listener %q ONLY OBSERVES %d per cent of client ids: whom of these the stages would refuse is let through", l.Name, l.Observed)
	}
	return ""
}

// Certificate is one that we show.
type Certificate struct {
	// Name is that of the listener, or "upstream".
	Name string
	// NotAfter is when it expires.
	NotAfter time.Time
}

// KeySet is a JSON Web Key Set.
type KeySet struct {
	// URL is its address as it may be shown.
	URL string
	// Fetched is when the keys were fetched, by an earlier process where FromCache is true; zero
	// where none ever were.
	Fetched   time.Time
	FromCache bool
	// Usable says that there are keys that are not too old.
	Usable bool
	// Keys is the number of usable keys, PassedOver that of the others.
	Keys, PassedOver int
	// Fetches counts the fetches, by a word for how they ended.
	Fetches map[string]uint64
}
