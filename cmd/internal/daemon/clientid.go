package daemon

import (
	"mqttward/auth"
	"mqttward/config"
)

// clientIDRule makes the rule that client ids obey; nil where there is none, or where it can't.
func (b *builder) clientIDRule() *auth.ClientIDRule {
	const key = "auth.client_id_must"
	a := &b.config.Auth
	if a.ClientIDMust == "" {
		return nil
	}
	r, err := auth.ParseClientIDRule(a.ClientIDMust)
	if err != nil {
		b.fault(key, "%v", err)
		return nil
	}
	claims := r.Claims()
	switch {
	case r.NamesNobody():
		b.warn(key, "names no client: whoever is let in may use every client id that fits, those of others too")
	case r.Unseparated():
		b.warn(key, `* follows a value at once: bob could use the client ids of bobby; put a separator between them that no value has, as in "%%u/*"`)
	}
	if r.UsesUserName() {
		b.checkProvenUserName(key)
	}
	if r.UsesCertName() {
		b.checkCertName(key)
	}
	switch {
	case len(claims) == 0:
	case a.JWT == nil:
		b.fault(key, "%%{claim:%s} wants an [auth.jwt]: nobody else has claims", claims[0])
	case a.Builtin != nil || a.AllowAnonymous:
		b.warn(key, "%%{claim:%s}: clients that are let in without a token are refused, since they have no claims", claims[0])
	}
	return r
}

// checkProvenUserName judges a rule with %u by whether anybody proves the user name.
func (b *builder) checkProvenUserName(key string) {
	a := &b.config.Auth
	if a.JWT != nil && a.JWT.From == config.FromUserName {
		b.fault(key, `%%u is the token itself where auth.jwt.from = "username": name a claim, such as %%{claim:sub}`)
		return
	}
	if a.JWT != nil && !b.bindsUserName() {
		b.warn(key, `%%u is bound to no token: whoever holds a valid one may write any user name, and use the client ids of that; declare it below [auth.jwt.claims], as in username = "%%u"`)
	}
	if a.AllowAnonymous {
		b.warn(key, "anonymous clients may write any user name that is not a built-in user's, and use the client ids of that")
	}
}

// bindsUserName reports whether a declaration that is judged compares a claim with the user name.
func (b *builder) bindsUserName() bool {
	j := b.config.Auth.JWT
	for _, claim := range j.Claims {
		// One with a fault is told elsewhere.
		if t, err := auth.ParseTemplate(claim.Value); j.VerifyClaims && err == nil && t.UsesUserName() {
			return true
		}
	}
	return false
}
