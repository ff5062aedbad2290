package auth

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// stageFunc is a stage that is a function.
type stageFunc struct {
	name  string
	judge func(context.Context, *Credentials) Verdict
}

func (s stageFunc) Name() string { return s.name }
func (s stageFunc) Authenticate(ctx context.Context, c *Credentials) Verdict {
	return s.judge(ctx, c)
}

// always is a stage with one opinion.
func always(name string, v Verdict) Authenticator {
	return stageFunc{name, func(context.Context, *Credentials) Verdict { return v }}
}

func newChain(t *testing.T, o Options) *Chain {
	t.Helper()
	c, err := NewChain(o)
	if err != nil {
		t.Fatalf("NewChain: %v", err)
	}
	return c
}

// Section 5: the order of stages, and what each verdict does.
func TestChainVerdicts(t *testing.T) {
	accept := Accepted(Identity{Name: "proven"})
	deny := Denied(BadPassword, "detail")
	for _, tc := range []struct {
		name      string
		stages    []Verdict
		anonymous bool
		want      Verdict
		counts    []StageCounts
	}{
		{"accept ends the chain", []Verdict{accept, deny}, false,
			Verdict{Decision: Accept, Stage: "a", Identity: Identity{Name: "proven"}},
			[]StageCounts{{"a", 1, 0, 0}, {"b", 0, 0, 0}}},
		{"deny ends the chain", []Verdict{deny, accept}, false,
			Verdict{Decision: Deny, Reason: BadPassword, Stage: "a", Detail: "detail"},
			[]StageCounts{{"a", 0, 1, 0}, {"b", 0, 0, 0}}},
		{"ignore goes on", []Verdict{Ignored(), accept}, false,
			Verdict{Decision: Accept, Stage: "b", Identity: Identity{Name: "proven"}},
			[]StageCounts{{"a", 0, 0, 1}, {"b", 1, 0, 0}}},
		{"ignore and then deny", []Verdict{Ignored(), deny}, true,
			Verdict{Decision: Deny, Reason: BadPassword, Stage: "b", Detail: "detail"},
			[]StageCounts{{"a", 0, 0, 1}, {"b", 0, 1, 0}}},
		{"all ignore", []Verdict{Ignored(), Ignored()}, false,
			Verdict{Decision: Deny, Reason: NoCredentials, Detail: "neither user name nor password"},
			[]StageCounts{{"a", 0, 0, 1}, {"b", 0, 0, 1}}},
		{"all ignore, anonymous allowed", []Verdict{Ignored(), Ignored()}, true,
			Verdict{Decision: Accept, Stage: "anonymous"},
			[]StageCounts{{"a", 0, 0, 1}, {"b", 0, 0, 1}}},
		{"deny with anonymous allowed", []Verdict{deny}, true,
			Verdict{Decision: Deny, Reason: BadPassword, Stage: "a", Detail: "detail"},
			[]StageCounts{{"a", 0, 1, 0}}},
		{"no stage, anonymous allowed", nil, true, Verdict{Decision: Accept, Stage: "anonymous"}, []StageCounts{}},
		{"an unknown decision is a deny", []Verdict{{Decision: 7}, accept}, true,
			Verdict{Decision: Deny, Reason: InternalError, Stage: "a", Detail: "the stage returned no usable verdict"},
			[]StageCounts{{"a", 0, 1, 0}, {"b", 0, 0, 0}}},
		{"a deny without a reason gets one", []Verdict{{Decision: Deny}, accept}, true,
			Verdict{Decision: Deny, Reason: InternalError, Stage: "a", Detail: "the stage returned no usable verdict"},
			[]StageCounts{{"a", 0, 1, 0}, {"b", 0, 0, 0}}},
	} {
		o := Options{AllowAnonymous: tc.anonymous}
		for i, v := range tc.stages {
			o.Stages = append(o.Stages, always(string(rune('a'+i)), v))
		}
		c := newChain(t, o)
		if got := c.Authenticate(t.Context(), &Credentials{}); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
		if got := c.Counts(); !reflect.DeepEqual(got, tc.counts) {
			t.Errorf("%s: counts %+v, want %+v", tc.name, got, tc.counts)
		}
	}
}

func TestChainWithoutStagesIsRefused(t *testing.T) {
	if c, err := NewChain(Options{}); err == nil || c != nil {
		t.Errorf("NewChain of nothing = %v, %v; want an error", c, err)
	}
}

func TestChainPanicIsADenyAndQuotesNothing(t *testing.T) {
	for _, value := range []any{"hunter22", errors.New("hunter22"), []byte("hunter22"), nil} {
		var out bytes.Buffer
		c := newChain(t, Options{
			Stages: []Authenticator{
				stageFunc{"bad", func(context.Context, *Credentials) Verdict { panic(value) }},
				always("good", Accepted(Identity{})),
			},
			AllowAnonymous: true,
			Log:            slog.New(slog.NewTextHandler(&out, nil)),
		})
		got := c.Authenticate(t.Context(), &Credentials{Password: []byte("hunter22"), HasPassword: true})
		if got.Decision != Deny || got.Reason != InternalError || got.Stage != "bad" {
			t.Errorf("panic(%T): %+v, want a deny of internal_error by bad", value, got)
		}
		if log := out.String(); !strings.Contains(log, "stage=bad") || strings.Contains(log, "hunter22") {
			t.Errorf("panic(%T): log %q, want the stage and not the value", value, log)
		}
		if got := c.Counts()[0]; got.Deny != 1 || got.Total() != 1 {
			t.Errorf("panic(%T): counts %+v, want one deny", value, got)
		}
	}
}

func TestChainIsBusyWhenTheContextEnds(t *testing.T) {
	for _, tc := range []struct {
		name string
		said Verdict
		want Reason
	}{
		{"accept too late", Accepted(Identity{Name: "x"}), Busy},
		{"ignore too late", Ignored(), Busy},
		{"deny too late", Denied(BadPassword, ""), BadPassword},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		late := stageFunc{"late", func(context.Context, *Credentials) Verdict { cancel(); return tc.said }}
		next := stageFunc{"next", func(context.Context, *Credentials) Verdict {
			t.Errorf("%s: the next stage was asked", tc.name)
			return Ignored()
		}}
		c := newChain(t, Options{Stages: []Authenticator{late, next}, AllowAnonymous: true})
		got := c.Authenticate(ctx, &Credentials{})
		if got.Decision != Deny || got.Reason != tc.want || got.Stage != "late" || got.Identity.Name != "" {
			t.Errorf("%s: %+v, want a deny of %v by late without an identity", tc.name, got, tc.want)
		}
	}
}

func TestDecisionWords(t *testing.T) {
	for d, want := range map[Decision]string{Accept: "accept", Deny: "deny", Ignore: "ignore"} {
		if got := d.String(); got != want {
			t.Errorf("Decision(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestDetailOfNoCredentialsTellsWhatWasSent(t *testing.T) {
	const token = "eyJhbGciOiJub25lIn0.e30."
	for _, tc := range []struct{ user, password, want string }{
		{"", "", "neither user name nor password"},
		{"bob", "builder", "no stage knows the user name, and the password is no token"},
		{"bob", "", "no stage knows what was sent"},
		{"", "builder", "no stage knows what was sent"},
		{"bob", token, "the password is a token, and is not judged as one"},
		{token, "x", "the user name is a token, and is not judged as one"},
	} {
		creds := &Credentials{
			UserName: []byte(tc.user), HasUserName: tc.user != "", Password: []byte(tc.password), HasPassword: tc.password != "",
		}
		c := newChain(t, Options{Stages: []Authenticator{always("a", Ignored())}})
		if got := c.Authenticate(t.Context(), creds); got.Reason != NoCredentials || got.Detail != tc.want {
			t.Errorf("user %q, password %q: got %v %q, want %q", tc.user, tc.password, got.Reason, got.Detail, tc.want)
		}
	}
}
