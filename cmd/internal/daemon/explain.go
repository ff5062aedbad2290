package daemon

import (
	"context"
	"fmt"
	"time"

	"mqttward/auth"
	"mqttward/auth/jwt"
	"mqttward/config"
	"mqttward/packets"
	"mqttward/proxy"
)

// ExplainOptions say which client is explained, and how.
type ExplainOptions struct {
	// Packet is what the client sends, as bytes. Nil means the CONNECT of Client.
	Packet []byte
	// Client is a client that sends nothing unusual.
	Client ExplainClient
	// CertName is the name in the client's certificate; empty where it has none.
	CertName string
	// Online fetches the key set over the network. Otherwise it is that of KeySet or, where that
	// is nil, of the cache file.
	Online bool
	KeySet []byte
	// Now is when tokens are judged. The zero time means now.
	Now time.Time
	// Log is told what is found on the way, such as keys that can't be used. It must not be nil.
	Log *Logger
}

// ExplainClient is a client by what it sends.
type ExplainClient struct {
	// Version is "3.1", "3.1.1" or "5.0" (or "3", "4", "5"). Empty means "3.1.1".
	Version  string
	ClientID string
	// UserName and Password are nil where they are not sent.
	UserName, Password *string
}

// explainVersions are the values of ExplainClient.Version.
var explainVersions = map[string]packets.Version{
	"": packets.V311, "3": packets.V31, "3.1": packets.V31, "4": packets.V311, "3.1.1": packets.V311,
	"5": packets.V5, "5.0": packets.V5,
}

// maxField is the longest text in MQTT [MQTT5 1.5.4].
const maxField = 65535

// packet is the CONNECT that the client sends.
func (c *ExplainClient) packet() ([]byte, error) {
	version, ok := explainVersions[c.Version]
	if !ok {
		return nil, fmt.Errorf("%q is no version of MQTT that is served: 3.1, 3.1.1 and 5.0 are", c.Version)
	}
	p := packets.Connect{Version: version, CleanStart: true, KeepAlive: 60, ClientID: []byte(c.ClientID)}
	if c.UserName != nil {
		p.HasUserName, p.UserName = true, []byte(*c.UserName)
	}
	if c.Password != nil {
		p.HasPassword, p.Password = true, []byte(*c.Password)
	}
	if max(len(p.ClientID), len(p.UserName), len(p.Password)) > maxField {
		return nil, fmt.Errorf("a client id, user name or password of more than %d bytes: MQTT can't carry it", maxField)
	}
	return packets.AppendConnect(nil, &p), nil
}

// Explain tells what a daemon of c would make of a client, and how it would come to that, without
// opening a socket, but for the key set where that is asked for. An error of type [Problems] is
// about c; any other about o.
func Explain(ctx context.Context, c *config.Config, o ExplainOptions) (*Report, error) {
	sent := o.Packet
	if sent == nil {
		var err error
		if sent, err = o.Client.packet(); err != nil {
			return nil, err
		}
	}
	b := &builder{config: c, log: o.Log, workers: 1, warnings: c.Warnings()}
	if !o.Now.IsZero() {
		b.now = func() time.Time { return o.Now }
	}
	g, err := b.generation(nil)
	if err != nil {
		return nil, err
	}
	defer g.close()
	unknown, err := loadKeySet(ctx, g.jwt, &o)
	if err != nil {
		return nil, err
	}
	a := g.policy.Explain(ctx, sent, o.CertName)
	r := g.report(a)
	r.Client.CertName = auth.Display([]byte(o.CertName))
	if unknown != "" && hangsOnKeySet(a) {
		r.Verdict, r.Unknown = "unknown", unknown
	}
	return r, nil
}

// loadKeySet puts the key set in force that was asked for. unknown says why there is none.
func loadKeySet(ctx context.Context, s *jwt.Stage, o *ExplainOptions) (unknown string, err error) {
	var status jwt.JWKSStatus
	configured := false
	if s != nil {
		status, configured = s.JWKSStatus()
	}
	switch {
	case !configured && (o.Online || o.KeySet != nil):
		return "", fmt.Errorf("there is no key set: auth.jwt.jwks_url is not configured")
	case !configured:
		return "", nil
	case o.KeySet != nil:
		if err := s.UseKeySet(o.KeySet); err != nil {
			return "", fmt.Errorf("key set: %w", err)
		}
	case o.Online:
		if err := s.FetchKeySet(ctx); err != nil && !status.Usable {
			return fmt.Sprintf("the key set could not be fetched: %v", err), nil
		} else if err != nil {
			o.Log.Warn("the key set could not be fetched: the keys on disk are taken", "error", err)
		}
	case !status.Usable:
		return "the key set is not on disk; a running proxy may have fetched it: write --online to fetch it, or --jwks FILE", nil
	}
	return "", nil
}

// hangsOnKeySet reports whether the account could be another one with a key set.
func hangsOnKeySet(a *proxy.Account) bool {
	return a.Explanation != nil && a.Explanation.Verdict.Stage == auth.StageJWT &&
		(a.Reason == auth.KeysUnavailable || a.Reason == auth.BadSignature)
}

// report makes a report of an account.
func (g *generation) report(a *proxy.Account) *Report {
	r := &Report{Client: clientOf(&a.Connect), Stages: stagesOf(a.Explanation), Detail: a.Detail}
	if a.Explanation != nil {
		r.Stage = a.Explanation.Verdict.Stage
	}
	if a.Reason != auth.None {
		r.refused(a.Reason, g.policy.Refusals)
		r.Upstream = "nothing: a refused client never reaches the broker"
		r.Observed = g.observers(a)
		return r
	}
	v := a.Explanation.Verdict
	r.Verdict, r.Identity = auth.Accept.String(), auth.Display([]byte(v.Identity.Name))
	if at := v.Identity.Expires; !at.IsZero() {
		at = at.UTC()
		r.Expires, r.Ends = &at, !g.policy.Expiry.Keep
	}
	r.Upstream = goesUp(a, g.policy.Credentials.Mode)
	return r
}

// observers says which listeners would let a client through that the chain refuses.
func (g *generation) observers(a *proxy.Account) []string {
	if a.Explanation == nil || a.Explanation.Verdict.Decision == auth.Accept {
		return nil // it is refused for something else
	}
	var all []string
	for _, l := range g.config.Listeners {
		if e, partly := g.policy.Enforcement[l.Name]; partly && !e.HoldsFor(a.Connect.ClientID) {
			all = append(all, fmt.Sprintf("listener %q only observes this client id: it lets the client through, CONNECT byte for byte", l.Name))
		}
	}
	return all
}

// goesUp tells what the broker gets.
func goesUp(a *proxy.Account, mode proxy.CredentialMode) string {
	text := "CONNECT byte for byte"
	if a.Rewritten {
		up := clientOf(&a.Upstream)
		name := "no user name"
		if up.UserName != nil {
			name = `user name "` + *up.UserName + `"`
		}
		password := "no password"
		if a.Upstream.HasPassword {
			password = "the client's password"
			if mode == proxy.Replace {
				password = "the password of upstream.credentials"
			}
		}
		text = fmt.Sprintf("CONNECT with %s and %s, and all else as it came", name, password)
	}
	if a.More > 0 {
		text += fmt.Sprintf(", then the %d bytes that came behind it", a.More)
	}
	return text
}
