package proxy

import (
	"mqttward/auth"
	"mqttward/packets"
)

// CredentialMode says what the broker gets to see of a client's credentials.
type CredentialMode uint8

// The modes. The zero value sends CONNECT on byte for byte.
const (
	Forward CredentialMode = iota
	// Strip removes what carried the credential: the password, or the user name where that
	// was the token.
	Strip
	// Replace puts the proxy's own user name and password in their place.
	Replace
)

// CredentialPolicy says how a CONNECT is rewritten on its way to the broker. The zero value
// forwards it.
type CredentialPolicy struct {
	Mode CredentialMode
	// TokenInUserName says that tokens arrive as the user name.
	TokenInUserName bool
	// UserName is what Replace sends as the user name.
	UserName *auth.Template
	// Password is what Replace sends as the password; nil sends none.
	Password []byte
}

// rewrite returns the CONNECT that goes to the broker: c itself where nothing changes, and
// its bytes may then be sent as they came. All that is no credential stays as it is. Where
// there is nothing fit to be sent, the client is refused.
func (p *CredentialPolicy) rewrite(c *packets.Connect, creds *auth.Credentials, v auth.Verdict) (*packets.Connect, *refusal) {
	switch p.Mode {
	case Strip:
		return p.strip(c, creds, v), nil
	case Replace:
		return p.replace(c, creds, v)
	}
	return c, nil
}

// strip removes what carried the credential.
func (p *CredentialPolicy) strip(c *packets.Connect, creds *auth.Credentials, v auth.Verdict) *packets.Connect {
	out := *c
	if p.TokenInUserName && auth.IsToken(creds.UserName) {
		out.HasUserName, out.UserName = false, nil
		// The password stays only where the token let the client in, and it is no credential:
		// otherwise it is what proved a user. Without a user name 3.x allows none.
		// [MQTT311 3.1.2-22]
		if v.Stage == auth.StageJWT && c.Version == packets.V5 {
			return &out
		}
	}
	out.HasPassword, out.Password = false, nil
	return &out
}

// replace puts the proxy's own credentials in the place of the client's.
func (p *CredentialPolicy) replace(c *packets.Connect, creds *auth.Credentials, v auth.Verdict) (*packets.Connect, *refusal) {
	const key = "upstream.credentials.username"
	name, err := p.UserName.Append(nil, creds, v.Identity.Claims)
	switch {
	case err != nil: // it names the placeholder
		return nil, &refusal{reason: auth.ClaimMissing, detail: key + ": " + err.Error()}
	case len(name) == 0:
		return nil, &refusal{reason: auth.ClaimMissing, detail: key + " yields nothing"}
	case !packets.ValidString(name):
		return nil, &refusal{reason: auth.ClaimMalformed, detail: key + " yields no usable name"}
	}
	out := *c
	out.HasUserName, out.UserName = true, name
	out.HasPassword, out.Password = p.Password != nil, p.Password
	return &out, nil
}
