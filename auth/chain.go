package auth

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Options say what a [Chain] is made of.
type Options struct {
	// Stages judge in this order. None at all wants AllowAnonymous.
	Stages []Authenticator
	// AllowAnonymous lets in whom every stage ignored. It overrules no deny.
	AllowAnonymous bool
	// ClientID says which client ids those may use whom a stage accepts, or who are anonymous.
	// Nil means any.
	ClientID *ClientIDRule
	// Observer is told of each stage's verdicts. Nil means that nobody is.
	Observer Observer
	// Log is told of stages that panic. Nil means slog.Default().
	Log *slog.Logger
}

// Chain judges clients by its stages in turn. It is safe for concurrent use.
type Chain struct {
	stages    []*stage
	anonymous bool
	clientID  *ClientIDRule
	observer  Observer
	log       *slog.Logger
}

// stage is an Authenticator with its counts.
type stage struct {
	Authenticator
	name                  string
	accepts, denies, pass atomic.Uint64
}

// StageCounts are a stage's verdicts since the chain was made.
type StageCounts struct {
	Stage                 string
	Accept, Deny, Ignored uint64
}

// Total is the number of clients that the stage judged.
func (c StageCounts) Total() uint64 { return c.Accept + c.Deny + c.Ignored }

// NewChain returns the chain that o describes. It fails where nothing would ever judge a
// client and anonymous clients were not allowed: that is a mistake, not a policy.
func NewChain(o Options) (*Chain, error) {
	if len(o.Stages) == 0 && !o.AllowAnonymous {
		return nil, fmt.Errorf("no authentication stage, and anonymous clients are not allowed")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	c := &Chain{anonymous: o.AllowAnonymous, clientID: o.ClientID, observer: o.Observer, log: o.Log}
	for _, a := range o.Stages {
		c.stages = append(c.stages, &stage{Authenticator: a, name: a.Name()})
	}
	return c, nil
}

// Authenticate judges creds. The verdict is accept or deny, never ignore: whom no stage
// wanted is let in without an identity or refused with [NoCredentials]. Whoever would be let in
// is refused with [ClientIDMismatch] where its client id breaks the rule; that counts as a deny
// of the stage. When ctx has ended, the verdict is a deny with [Busy], whatever a stage says.
func (c *Chain) Authenticate(ctx context.Context, creds *Credentials) Verdict {
	return c.run(ctx, creds, nil)
}

// run judges creds, and fills in x, unless it is nil.
func (c *Chain) run(ctx context.Context, creds *Credentials, x *Explanation) Verdict {
	for _, s := range c.stages {
		t := x.begin()
		v, took := c.timed(ctx, s, creds, t)
		if ctx.Err() != nil && v.Decision != Deny {
			v = Denied(Busy, "authentication took longer than auth_timeout")
		}
		v = c.clientID.judge(creds, v, t)
		v.Stage = s.name
		x.end(t, s.name, &v)
		if c.observer != nil {
			c.observer.Judged(s.name, v.Decision, v.Reason, took)
		}
		switch v.Decision {
		case Accept:
			s.accepts.Add(1)
			return v
		case Deny:
			s.denies.Add(1)
			return v
		}
		s.pass.Add(1)
	}
	return c.anybody(creds, x)
}

// anybody judges whom every stage ignored.
func (c *Chain) anybody(creds *Credentials, x *Explanation) Verdict {
	t := x.begin()
	if !c.anonymous {
		v := Denied(NoCredentials, unwanted(creds))
		if t != nil {
			t.Fails(AboutAnonymous, "no stage wanted the client, and anonymous ones are not let in (allow_anonymous = false)")
		}
		x.end(t, StageAnonymous, &v)
		return v
	}
	if t != nil {
		t.Holds(AboutAnonymous, "no stage wanted the client, and anonymous ones are let in (allow_anonymous = true)")
	}
	v := c.clientID.judge(creds, Verdict{Decision: Accept}, t)
	v.Stage = StageAnonymous
	x.end(t, StageAnonymous, &v)
	return v
}

// unwanted says what a client sent that no stage knew, for whoever looks for the mistake.
func unwanted(c *Credentials) string {
	switch {
	case c.HasUserName && IsToken(c.UserName):
		return "the user name is a token, and is not judged as one"
	case c.HasPassword && IsToken(c.Password):
		return "the password is a token, and is not judged as one"
	case c.HasUserName && c.HasPassword:
		return "no stage knows the user name, and the password is no token"
	case c.HasUserName || c.HasPassword:
		return "no stage knows what was sent"
	}
	return "neither user name nor password"
}

// Observer is told of verdicts, so that they can be counted. Judged is called by many goroutines at
// once while clients wait: it must return at once.
type Observer interface {
	// Judged tells what a stage said, for what reason where it denied, and how long it took,
	// waiting included.
	Judged(stage string, d Decision, r Reason, took time.Duration)
}

// timed asks one stage, and tells how long it took where somebody wants to know.
func (c *Chain) timed(ctx context.Context, s *stage, creds *Credentials, t *Trail) (Verdict, time.Duration) {
	if c.observer == nil {
		return c.judge(ctx, s, creds, t), 0
	}
	began := time.Now()
	v := c.judge(ctx, s, creds, t)
	return v, time.Since(began)
}

// judge asks one stage, and turns its panic or nonsense into a deny.
func (c *Chain) judge(ctx context.Context, s *stage, creds *Credentials, t *Trail) (v Verdict) {
	defer func() {
		if p := recover(); p != nil {
			// The value of a panic may quote its input, and a token with it: only its
			// type is told. The stack holds addresses, not bytes.
			c.log.Error("an authentication stage panicked", "stage", s.name,
				"panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			v = Denied(InternalError, "the stage panicked")
			if t != nil {
				t.Fails(AboutStage, "the stage panicked: a fault of the proxy, whose stack is in the log")
			}
		}
	}()
	if e, ok := s.Authenticator.(Explainer); t != nil && ok {
		v = e.Explain(ctx, creds, t)
	} else {
		v = s.Authenticate(ctx, creds)
	}
	if v.Decision > Deny || (v.Decision == Deny && v.Reason == None) {
		return Denied(InternalError, "the stage returned no usable verdict")
	}
	return v
}

// Counts returns the verdicts of each stage so far, in the chain's order.
func (c *Chain) Counts() []StageCounts {
	counts := make([]StageCounts, len(c.stages))
	for i, s := range c.stages {
		counts[i] = StageCounts{s.name, s.accepts.Load(), s.denies.Load(), s.pass.Load()}
	}
	return counts
}
