package daemon

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"mqttward/config"
)

// Severity says how bad a finding is.
type Severity int

const (
	// Good is what is as it should be, and worth knowing.
	Good Severity = iota
	// Doubtful works, and is dangerous or may be a mistake.
	Doubtful
	// Bad does not work.
	Bad
)

// Finding is one thing that an [Daemon.Examine] found.
type Finding struct {
	Severity Severity
	// Text is one line, or several of which the others are indented. It holds no secret.
	Text string
}

// findings collects what is found, in order.
type findings []Finding

func (f *findings) say(s Severity, format string, args ...any) {
	*f = append(*f, Finding{s, fmt.Sprintf(format, args...)})
}

// Examine looks at what the configuration names outside of this machine's files: it connects to
// each of the broker's addresses with MQTT, fetches the key set, and reckons with certificates,
// open files and source ports. It opens no listener and changes nothing. The broker and the key
// set's server are asked at the same time, each within the limits that the configuration has for
// it, all addresses together within a minute.
func (d *Daemon) Examine(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	g := d.generation()
	broker := make([]findings, len(g.config.Upstream.Addresses))
	var keys findings
	var asked sync.WaitGroup
	for i, address := range g.config.Upstream.Addresses {
		asked.Go(func() { broker[i] = g.examineBroker(ctx, address) })
	}
	asked.Go(func() { keys = g.examineKeySet(ctx) })
	asked.Wait()
	var all findings
	for _, found := range broker {
		all = append(all, found...)
	}
	all = append(all, keys...)
	all = append(all, g.examineCertificates(time.Now())...)
	all = append(all, g.examineFiles()...)
	all = append(all, g.examinePorts(sourcePorts())...)
	return append(all, g.examineDangers()...)
}

// examineKeySet fetches the key set, and tells what each key can verify.
func (g *generation) examineKeySet(ctx context.Context) (found findings) {
	if g.jwt == nil || g.config.Auth.JWT.JWKS == nil {
		return nil
	}
	status, _ := g.jwt.JWKSStatus()
	name := "key set " + status.URL
	begin := time.Now()
	keys, err := g.jwt.SurveyKeySet(ctx)
	if err != nil {
		found.say(Bad, "%s: %v", name, err)
		return found
	}
	usable := 0
	for _, k := range keys {
		if k.Problem == "" {
			usable++
		}
	}
	severity := Good
	if usable == 0 {
		severity = Bad
	}
	found.say(severity, "%s: fetched in %v, %d of %d keys can be used", name, time.Since(begin).Round(time.Millisecond), usable, len(keys))
	for _, k := range keys {
		id := "a key without kid"
		if k.KID != "" {
			id = fmt.Sprintf("key %q", k.KID)
		}
		if k.Problem != "" {
			found.say(Doubtful, "%s: %s is passed over: %s", name, id, k.Problem)
			continue
		}
		found.say(Good, "  %s: %s, verifies %s", id, k.Kind, k.Verifies)
	}
	return found
}

// examineFiles sets the clients that there may be against the files that may be open.
func (g *generation) examineFiles() (found findings) {
	clients := g.policy.Limits.MaxConnections
	files, known := openFilesLimit()
	if !known {
		found.say(Good, "open files: the system has no limit, or none that is known")
		return found
	}
	// Where they are too few there is a warning already.
	found.say(Good, "open files: %d are allowed, and %d clients at most take %d", files, clients, clients*filesPerSession)
	return found
}

// examinePorts sets the clients that there may be against the ports that connections to the broker
// can come from; ports is how many one address of this machine has, 0 where that is not known.
func (g *generation) examinePorts(ports int) (found findings) {
	tcp := 0
	for _, a := range g.config.Upstream.Addresses {
		if !strings.HasPrefix(a, "unix:") {
			tcp++
		}
	}
	clients := g.policy.Limits.MaxConnections
	if tcp == 0 || tcp < len(g.config.Upstream.Addresses) || ports == 0 || clients == 0 {
		return nil // a socket of this machine needs no port
	}
	sources := max(1, len(g.config.Upstream.SourceAddresses))
	if room := ports * tcp * sources; clients > room {
		found.say(Doubtful, "source ports: %d clients may connect, and from %s of this machine there are %d connections to %s of the broker: "+
			"widen net.ipv4.ip_local_port_range, write more upstream.source_addresses, or lower limits.max_connections",
			clients, fromAddresses(sources), room, addresses(tcp))
		return found
	}
	found.say(Good, "source ports: %d for each address of the broker, and %d clients at most", ports*sources, clients)
	return found
}

func fromAddresses(n int) string {
	if n == 1 {
		return "one address"
	}
	return fmt.Sprintf("%d addresses", n)
}

func addresses(n int) string {
	if n == 1 {
		return "the one address"
	}
	return fmt.Sprintf("the %d addresses", n)
}

// forwards reports whether a client's own credentials go to the broker.
func (g *generation) forwards() bool {
	return g.config.Upstream.Credentials.Mode == config.CredentialsForward
}
