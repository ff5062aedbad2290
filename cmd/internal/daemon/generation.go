package daemon

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"mqttward/auth"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
	"mqttward/config"
	"mqttward/proxy"
	"mqttward/proxy/admin"
	"mqttward/proxy/secure"
	"mqttward/proxy/upstream"
)

// generation is all that is made from one configuration. A reload makes another one.
type generation struct {
	config   *config.Config
	warnings []config.Problem
	lapsed   []config.Problem // see [Daemon.Lapsed]
	policy   proxy.Policy
	tls      []*listenerTLS // by listener; nil where it has none
	// lists are those of revoked certificates that are in force, by listener; only where there are.
	lists    map[string]*secure.Revocations
	builtin  *builtin.Stage // nil where there are no built-in users
	users    builtin.Marks  // of them; see gatherUsers
	jwt      *jwt.Stage     // nil where there are no tokens
	upstream *upstream.Pool
	// upstreamTLS is nil where the broker is spoken to in clear.
	upstreamTLS *tls.Config
	loaded      time.Time
}

// maxWorkers bounds the memory of argon2id, of which each worker may need 256 MiB.
const maxWorkers = 16

// Problems is the error of [New]: all faults that were found, each with its place.
type Problems []config.Problem

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// builder collects what is found while a generation is made.
type builder struct {
	config   *config.Config
	workers  int // slow password hashes at once
	log      *Logger
	recorder *admin.Recorder  // nil where nobody looks
	marker   *auth.Marker     // nil where no session comes of it
	now      func() time.Time // when tokens are judged; nil: when they come
	faults   Problems
	warnings []config.Problem
	lapsed   []config.Problem
}

func (b *builder) fault(key, format string, args ...any) {
	b.faults = append(b.faults, b.config.Problem(key, format, args...))
}

func (b *builder) warn(key, format string, args ...any) {
	b.warnings = append(b.warnings, b.config.Problem(key, format, args...))
}

// lapse notes what was right, and has become a fault by itself.
func (b *builder) lapse(key, format string, args ...any) {
	b.lapsed = append(b.lapsed, b.config.Problem(key, format, args...))
}

// generationOptions say what surrounds a generation.
type generationOptions struct {
	log        *Logger
	processors int             // how many there are
	before     *generation     // that it takes the place of, or nil
	recorder   *admin.Recorder // of what happens, or nil
	marker     *auth.Marker    // the same for all
}

// newGeneration makes everything that c describes, without opening a socket. The error is of type
// [Problems].
func newGeneration(c *config.Config, o generationOptions) (*generation, error) {
	b := &builder{config: c, log: o.log, recorder: o.recorder, marker: o.marker, warnings: c.Warnings(), workers: min(o.processors, maxWorkers)}
	g, err := b.generation(o.before)
	if err == nil && o.before != nil {
		g.gatherUsers()
	}
	return g, err
}

// generation makes everything that the configuration describes; before is the one that it takes
// the place of, or nil.
func (b *builder) generation(before *generation) (*generation, error) {
	c := b.config
	g := &generation{config: c, loaded: time.Now()}
	if before == nil {
		before = &generation{}
	}
	g.tls = b.listenersTLS()
	g.upstreamTLS = b.upstreamTLS()
	g.upstream = b.upstream(g.upstreamTLS, before.upstream)
	g.policy.Upstream = g.upstream
	g.policy.UpstreamRate = proxy.UpstreamRate{Connects: c.Upstream.ConnectRate, Burst: c.Upstream.ConnectBurst}
	g.policy.Credentials = b.credentials()
	g.policy.Limits = b.limits()
	g.policy.Expiry = expiry(c.Auth.JWT)
	g.policy.Enforcement = enforcement(c.Listeners)
	g.policy.Refusals = proxy.RefusalOptions{
		Uniform:       c.Auth.RefusalCodes == config.RefusalUniform,
		ReasonStrings: c.Auth.ReasonStrings,
	}
	clientID := b.clientIDRule()
	g.jwt = b.tokens(g.policy.Credentials.UserName, clientID, before.jwt)
	g.builtin = b.users(before.builtin)
	if len(b.faults) == 0 {
		var err error
		g.policy.Chain, err = auth.NewChain(auth.Options{
			Stages: g.stages(), AllowAnonymous: c.Auth.AllowAnonymous, ClientID: clientID,
			Observer: b.authObserver(g.stages()), Log: b.log.Logger,
		})
		if err != nil { // config refuses it before
			b.fault("auth", "%v", err)
		}
	}
	if len(b.faults) > 0 {
		g.close()
		b.byPlace(b.faults)
		return nil, b.faults
	}
	g.warnings, g.lapsed = b.warnings, b.lapsed
	b.byPlace(g.warnings)
	b.byPlace(g.lapsed)
	return g, nil
}

// stages are those that are configured, in the chain's order.
func (g *generation) stages() []auth.Authenticator {
	var stages []auth.Authenticator
	if g.builtin != nil {
		stages = append(stages, g.builtin)
	}
	if g.jwt != nil {
		stages = append(stages, g.jwt)
	}
	return stages
}

// stageNames are those of the stages, and of what follows them.
func (g *generation) stageNames() []string {
	var names []string
	for _, s := range g.stages() {
		names = append(names, s.Name())
	}
	if g.config.Auth.AllowAnonymous {
		names = append(names, auth.StageAnonymous)
	}
	return names
}

// slowWorkers is how many processors hashing may take.
func (g *generation) slowWorkers() int {
	if g.builtin == nil {
		return 0
	}
	return g.builtin.SlowWorkers()
}

// close ends what the generation holds. Clients that it still judges are told to come again.
func (g *generation) close() {
	if g.builtin != nil {
		g.builtin.Close()
	}
}

// byPlace sorts problems as they stand in the configuration; those without a line come after
// these, and those of the files that it names last.
func (b *builder) byPlace(problems []config.Problem) {
	own := b.config.Problem("", "").File
	rank := func(p config.Problem) int {
		switch {
		case p.File == own && p.Line > 0:
			return 0
		case p.File == own, strings.HasPrefix(p.File, "$"):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(problems, func(p, q config.Problem) int {
		return cmp.Or(cmp.Compare(rank(p), rank(q)), cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line))
	})
}

// enforcement has the listeners that do not refuse everybody.
func enforcement(listeners []config.Listener) map[string]proxy.Enforcement {
	partly := map[string]proxy.Enforcement{}
	for _, l := range listeners {
		switch {
		case l.Mode == config.ModeObserve:
			partly[l.Name] = proxy.Enforcement{}
		case l.EnforcePercent > 0 && l.EnforcePercent < 100:
			partly[l.Name] = proxy.Enforcement{Percent: l.EnforcePercent}
		}
	}
	return partly
}

// expiry says what becomes of a session whose token expires.
func expiry(j *config.JWT) proxy.Expiry {
	if j == nil {
		return proxy.Expiry{}
	}
	return proxy.Expiry{Keep: !j.DisconnectAfterExpire, Jitter: j.ExpireJitter}
}
