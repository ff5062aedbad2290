package proxy

import (
	"errors"

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
// its bytes may then be sent as they came. All that is no credential stays as it is. The
// error is a refusal's.
func (p *CredentialPolicy) rewrite(c *packets.Connect, creds *auth.Credentials, v auth.Verdict) (*packets.Connect, *refusal) {
	if p.Mode == Forward {
		return c, nil
	}
	out := *c
	if p.Mode == Replace {
		name, err := p.UserName.Append(nil, creds, v.Identity.Claims)
		switch {
		case errors.Is(err, auth.ErrNoValue) || err == nil && len(name) == 0:
			return nil, &refusal{reason: auth.ClaimMissing, detail: "upstream.credentials.username yields nothing"}
		case err != nil:
			return nil, &refusal{reason: auth.InternalError, detail: "upstream.credentials.username"}
		case !packets.ValidString(name):
			return nil, &refusal{reason: auth.ClaimMalformed, detail: "upstream.credentials.username yields no usable name"}
		}
		out.HasUserName, out.UserName = true, name
		out.HasPassword, out.Password = p.Password != nil, p.Password
		return &out, nil
	}
	if p.TokenInUserName && auth.IsToken(creds.UserName) {
		out.HasUserName, out.UserName = false, nil
		// Without a user name 3.x allows no password. [MQTT311 3.1.2-22]
		if c.Version == packets.V5 {
			return &out, nil
		}
	}
	out.HasPassword, out.Password = false, nil
	return &out, nil
}
