package auth

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestDistance(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for d, want := range map[time.Duration]string{
		0: "now", time.Second: "in 1s", -time.Second: "1s ago", 90 * time.Second: "in 1m30s", 10 * time.Minute: "in 10m",
		-3 * time.Hour: "3h ago", 20 * time.Hour: "in 20h", time.Hour + time.Second: "in 1h0m1s", 47*time.Hour + 30*time.Minute: "in 47h30m",
		72 * time.Hour: "in 3 days", -800 * 24 * time.Hour: "2 years ago", 5 * time.Millisecond: "in 5ms", 1500 * time.Millisecond: "in 1s",
		-858_369_779: "858ms ago", -101_470: "1ms ago",
	} {
		if got := Distance(now.Add(d), now); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

// explaining is a stage that writes down what it is told to.
type explaining struct{ stageFunc }

func (e explaining) Explain(ctx context.Context, c *Credentials, t *Trail) Verdict {
	t.Holds(AboutUser, "a user")
	v := e.judge(ctx, c)
	t.Compare(Fails, AboutPassword, "the sides differ", "one", "other")
	return v
}

// A chain is explained as it judges, counts included, and a stage that can't explain is named.
func TestChainExplains(t *testing.T) {
	panics := stageFunc{"c", func(context.Context, *Credentials) Verdict { panic("x") }}
	for _, tc := range []struct {
		name   string
		stages []Authenticator
		any    bool
		want   string
	}{
		{"explained", []Authenticator{explaining{stageFunc{"a", always("a", Ignored()).(stageFunc).judge}}, always("b", Denied(BadPassword, "d"))}, false,
			"a: a user; FAILS: the sides differ; ignore | b: deny bad_password"},
		{"anonymous", []Authenticator{always("a", Ignored())}, true,
			"a: ignore | anonymous: no stage wanted the client, and anonymous ones are let in (allow_anonymous = true); accept"},
		{"nobody", []Authenticator{always("a", Ignored())}, false,
			"a: ignore | anonymous: FAILS: no stage wanted the client, and anonymous ones are not let in (allow_anonymous = false); deny no_credentials"},
		{"a panic", []Authenticator{panics}, true,
			"c: FAILS: the stage panicked: a fault of the proxy, whose stack is in the log; deny internal_error"},
	} {
		c := newChain(t, Options{Stages: tc.stages, AllowAnonymous: tc.any})
		creds := &Credentials{ClientID: []byte("c1")}
		x := c.Explain(context.Background(), creds)
		if got := x.LogValue().String(); got != tc.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tc.name, got, tc.want)
		}
		plain := c.Authenticate(context.Background(), creds)
		if x.Verdict.Decision != plain.Decision || x.Verdict.Reason != plain.Reason || x.Verdict.Stage != plain.Stage {
			t.Errorf("%s: explained %+v, else %+v", tc.name, x.Verdict, plain)
		}
		if got := c.Counts()[0].Total(); got != 2 {
			t.Errorf("%s: got %d judged, want 2", tc.name, got)
		}
	}
}

func TestChainExplainsTheClientID(t *testing.T) {
	c := newChain(t, Options{AllowAnonymous: true, ClientID: clientIDRule(t, "%u-*")})
	x := c.Explain(context.Background(), &Credentials{ClientID: []byte("bob-1"), UserName: []byte("al"), HasUserName: true})
	step := x.Stages[0].Steps[1]
	if step.Outcome != Fails || step.About != AboutClientID || step.Expected != `one that begins with "al-"` || step.Found != `"bob-1"` {
		t.Errorf("got %+v", step)
	}
	if x = c.Explain(context.Background(), &Credentials{}); !strings.Contains(x.LogValue().String(), "%u has no value: no client id fits") {
		t.Errorf("got %v", x.LogValue())
	}
}

// A verdict that nobody wants explained costs no memory.
func TestChainAllocatesNothing(t *testing.T) {
	c := newChain(t, Options{Stages: []Authenticator{always("a", Accepted(Identity{Name: "n"}))}})
	creds := &Credentials{ClientID: []byte("c")}
	if n := testing.AllocsPerRun(100, func() { c.Authenticate(context.Background(), creds) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}
