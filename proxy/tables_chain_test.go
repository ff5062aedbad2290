package proxy_test

import (
	"context"
	"reflect"
	"testing"

	"mqttward/auth"
	"mqttward/auth/authtest"
	"mqttward/auth/builtin"
	"mqttward/auth/jwt"
)

// Hashes of the password "correct horse": the first two by mosquitto_passwd.
const (
	rightPassword = "correct horse"
	hashSHA512    = "$6$ZWn/djBs0LPjmHnc$1PsofO0t57AfpK+UeM+BKihhfsubhWhfuY9lO4VGBm9Mjip0Kr/VkJVQ+zQKt0cwj/jXouTAi7fW7lG7H8ApWw=="
	hashPBKDF2    = "$7$101$GvnZbWWWOYTkurgZ$n7m9uFRcPKws2q028lTQSyA69C9+sFewvKoeqVk3UCv5pERptyRqQAvtZs8RSuCR/ySsa/mY4b16aa/78UIBFQ=="
	hashArgon2id  = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFi$upqotE4EJkmLftNWvITOppF6r28vTHBzuG2k4IwtpwI"
	hashBcrypt    = "$2a$04$/3GMTZBSOiFo2NyAFl3SRuCvV6DcxK5tE80W5KZNA6lzyUyebjNo6"
)

// Section 5, with the real stages.
func TestChainTable(t *testing.T) {
	hs := authtest.NewSigner("HS256", 0)
	good := hs.Sign(nil)
	expired := hs.Sign(map[string]any{"exp": clock.Unix() - 1})
	users := people(t, builtin.Options{Token: builtin.TokenInPassword}, "alice:"+hashSHA512)
	bearers := tokens(t, jwt.Options{Secret: hs.Secret()})
	panics := stageFunc(func(context.Context, *auth.Credentials) auth.Verdict { panic("a fault of ours") })

	both := []auth.Authenticator{users, bearers}
	counts := func(stage string, accept, deny, ignored uint64) auth.StageCounts {
		return auth.StageCounts{Stage: stage, Accept: accept, Deny: deny, Ignored: ignored}
	}
	for _, test := range []struct {
		row
		stages    []auth.Authenticator
		anonymous bool
		counts    []auth.StageCounts // of one client in each version
	}{
		{row{"accept ends the chain", "c1", "alice", rightPassword, auth.None, "builtin", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 3, 0, 0), counts("jwt", 0, 0, 0)}},
		{row{"deny ends the chain", "c1", "alice", good, auth.BadPassword, "builtin", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 0, 3, 0), counts("jwt", 0, 0, 0)}},
		{row{"deny ends it even with anonymous on", "c1", "alice", "wrong", auth.BadPassword, "builtin", ""}, both, true,
			[]auth.StageCounts{counts("builtin", 0, 3, 0), counts("jwt", 0, 0, 0)}},
		{row{"ignore goes on to an accept", "c1", "bob", good, auth.None, "jwt", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 3, 0, 0)}},
		{row{"ignore goes on to a deny", "c1", "bob", expired, auth.TokenExpired, "jwt", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 3, 0)}},
		{row{"a later deny with anonymous on", "c1", "bob", expired, auth.TokenExpired, "jwt", ""}, both, true,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 3, 0)}},
		{row{"all ignore", "c1", "bob", "a password", auth.NoCredentials, "", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 0, 3)}},
		{row{"nothing sent", "c1", absent, absent, auth.NoCredentials, "", ""}, both, false,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 0, 3)}},
		{row{"all ignore with anonymous on", "c1", "bob", "a password", auth.None, "anonymous", ""}, both, true,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 0, 3)}},
		{row{"nothing sent with anonymous on", "", absent, absent, auth.None, "anonymous", ""}, both, true,
			[]auth.StageCounts{counts("builtin", 0, 0, 3), counts("jwt", 0, 0, 3)}},
		{row{"no JWT configured", "c1", "bob", good, auth.NoCredentials, "", ""}, both[:1], false,
			[]auth.StageCounts{counts("builtin", 0, 0, 3)}},
		{row{"no users configured", "c1", "alice", rightPassword, auth.NoCredentials, "", ""}, both[1:], false,
			[]auth.StageCounts{counts("jwt", 0, 0, 3)}},
		{row{"no stage, anonymous on", "c1", "alice", "wrong", auth.None, "anonymous", ""}, nil, true,
			[]auth.StageCounts{}},
		{row{"a panic denies, whoever follows", "c1", "bob", good, auth.InternalError, "test", "level=ERROR"},
			[]auth.Authenticator{panics, users, bearers}, true,
			[]auth.StageCounts{counts("test", 0, 3, 0), counts("builtin", 0, 0, 0), counts("jwt", 0, 0, 0)}},
	} {
		chain, err := auth.NewChain(auth.Options{Stages: test.stages, AllowAnonymous: test.anonymous, Log: discarding()})
		if err != nil {
			t.Fatal(err)
		}
		runRows(t, func(o *options) { o.Chain = chain }, []row{test.row})
		if got := chain.Counts(); !reflect.DeepEqual(got, test.counts) {
			t.Errorf("%s: counts %+v, want %+v", test.name, got, test.counts)
		}
	}
}

func TestChainLivesOnAfterAPanic(t *testing.T) {
	panics := stageFunc(func(_ context.Context, c *auth.Credentials) auth.Verdict {
		if string(c.UserName) == "mallory" {
			panic(string(c.Password))
		}
		return auth.Ignored()
	})
	users := people(t, builtin.Options{}, "alice:"+hashSHA512)
	r := newRig(t, judgedBy(t, panics, users))
	bad := row{id: "c1", user: "mallory", password: "hunter22-in-a-panic", reason: auth.InternalError, stage: "test"}
	good := row{id: "c2", user: "alice", password: rightPassword, stage: "builtin"}
	for i, v := range versions {
		r.play(bad, v)
		r.play(good, v)
		r.expectDialled(2*i + 1) // the test's own calls among them
	}
	r.expectNoSecret(bad)
}
