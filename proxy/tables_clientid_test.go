package proxy_test

import (
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
)

// client_id_must, with each stage that lets somebody in. Each row is played in three versions
// before the same stages, so that a token is a remembered one from the second on; and the
// token of a row that is let in is the same one that is refused with another client id.
func TestClientIDTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	token := hs.Sign(map[string]any{"username": "bob", "device": "d7"})
	nameless := hs.Sign(map[string]any{"username": "bob"})
	empty := hs.Sign(map[string]any{"username": "bob", "device": ""})
	number := hs.Sign(map[string]any{"username": "bob", "device": 7})
	expired := hs.Sign(map[string]any{"username": "bob", "device": "d7", "exp": clock.Unix() - 1})
	users := people(t, builtin.Options{Token: builtin.TokenInPassword}, "alice:"+hashSHA512)
	bearers := tokens(t, jwt.Options{Secret: hs.Secret(), KeepClaims: []string{"device"},
		Claims: map[string]*auth.Template{"username": template(t, "%u")}})
	const mismatch = auth.ClientIDMismatch
	for rule, rows := range map[string][]row{
		"%u": {
			{"a user and its id", "alice", "alice", rightPassword, auth.None, "builtin", ""},
			{"a user and another's id", "bob", "alice", rightPassword, mismatch, "builtin", `client_id_must is \"%u\"`},
			{"a wrong password tells nothing of the id", "bob", "alice", "wrong", auth.BadPassword, "builtin", ""},
			{"a token and its id", "bob", "bob", token, auth.None, "jwt", ""},
			{"a token and another's id", "alice", "bob", token, mismatch, "jwt", ""},
			{"a token and no id", "", "bob", token, mismatch, "jwt", ""},
			{"anonymous and its id", "carol", "carol", "x", auth.None, "anonymous", ""},
			{"anonymous and another's id", "bob", "carol", "x", mismatch, "anonymous", ""},
			{"anonymous without a name", "c1", absent, absent, mismatch, "anonymous", "%u has no value"},
			{"anonymous without anything", "", absent, absent, mismatch, "anonymous", "%u has no value"},
		},
		"%u-*": {
			{"a user and one of its ids", "alice-1", "alice", rightPassword, auth.None, "builtin", ""},
			{"a user and the id of one with a longer name", "alice2-1", "alice", rightPassword, mismatch, "builtin", ""},
			{"a token and one of its ids", "bob-x", "bob", token, auth.None, "jwt", ""},
			{"a token and another's id", "alice-x", "bob", token, mismatch, "jwt", ""},
		},
		"%{claim:device}": {
			{"a token and its id", "d7", "bob", token, auth.None, "jwt", ""},
			{"a token and another's id", "d8", "bob", token, mismatch, "jwt", `client_id_must is \"%{claim:device}\"`},
			{"a token without the claim", "d7", "bob", nameless, mismatch, "jwt", "%{claim:device} has no value"},
			{"a token with an empty claim", "", "bob", empty, mismatch, "jwt", "%{claim:device} has no value"},
			{"a token with a number", "7", "bob", number, mismatch, "jwt", "%{claim:device} has no value"},
			{"a bad token tells nothing of the id", "d8", "bob", expired, auth.TokenExpired, "jwt", ""},
			{"a user, which has no claims", "d7", "alice", rightPassword, mismatch, "builtin", ""},
			{"anonymous, which has none either", "d7", "carol", "x", mismatch, "anonymous", ""},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			parsed, err := auth.ParseClientIDRule(rule)
			if err != nil {
				t.Fatal(err)
			}
			chain, err := auth.NewChain(auth.Options{
				Stages: []auth.Authenticator{users, bearers}, AllowAnonymous: true, ClientID: parsed, Log: discarding(),
			})
			if err != nil {
				t.Fatal(err)
			}
			runRows(t, func(o *options) { o.Chain = chain }, rows)
		})
	}
}
