package auth

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Explanation is the path to a verdict: what each stage looked at, what it expected and what it
// found. Explain, the debug log and the status page show the same one. It holds no password, no
// token, no signature and no hash; what a client or an issuer of tokens wrote is as [Display] shows
// it. Claims' values are in it, which a log at info level must not show.
type Explanation struct {
	// Stages are those that were asked, in the chain's order, and then [StageAnonymous], where
	// all of them ignored the client.
	Stages []StageExplanation
	// Verdict is the chain's.
	Verdict Verdict
}

// StageExplanation is what one stage said, and why.
type StageExplanation struct {
	Stage    string
	Steps    []Step
	Decision Decision
	// Reason and Detail are those of the stage's verdict.
	Reason Reason
	Detail string
}

// Step is one thing that a stage looked at.
type Step struct {
	Outcome Outcome
	// About is the kind of thing: one of the constants.
	About About
	// Text is what was found, as a sentence without a full stop.
	Text string
	// Expected and Found are the two sides of a comparison, where the step is one.
	Expected, Found string
}

// Outcome is what came of a step.
type Outcome uint8

// The outcomes: it is told and decides nothing; it holds; it does not.
const (
	Note Outcome = iota
	Holds
	Fails
)

// String returns the outcome's word.
func (o Outcome) String() string {
	switch o {
	case Holds:
		return "ok"
	case Fails:
		return "fails"
	}
	return "note"
}

// About is what a step is about.
type About string

// What steps are about.
const (
	AboutUser      About = "user"
	AboutPassword  About = "password"
	AboutToken     About = "token"
	AboutKey       About = "key"
	AboutTime      About = "time"
	AboutClaim     About = "claim"
	AboutClientID  About = "client_id"
	AboutAnonymous About = "anonymous"
	AboutStage     About = "stage"
)

// Trail is where a stage writes down its steps. It is for one goroutine. Nil means that nobody
// wants to know: a stage asks for that before it makes a step, so that it costs nothing then.
type Trail struct{ steps []Step }

// Note adds a step that decides nothing.
func (t *Trail) Note(about About, format string, args ...any) { t.add(Note, about, format, args) }

// Holds adds a step that holds.
func (t *Trail) Holds(about About, format string, args ...any) { t.add(Holds, about, format, args) }

// Fails adds a step that does not hold.
func (t *Trail) Fails(about About, format string, args ...any) { t.add(Fails, about, format, args) }

func (t *Trail) add(o Outcome, about About, format string, args []any) {
	t.steps = append(t.steps, Step{Outcome: o, About: about, Text: fmt.Sprintf(format, args...)})
}

// Compare adds a step that holds or not, and its two sides.
func (t *Trail) Compare(o Outcome, about About, text, expected, found string) {
	t.steps = append(t.steps, Step{o, about, text, expected, found})
}

// Explainer is an [Authenticator] that can write down how it judges. Explain does what
// Authenticate does, and may take longer. t is not nil.
type Explainer interface {
	Explain(ctx context.Context, c *Credentials, t *Trail) Verdict
}

// Explain judges creds as Authenticate does, counts included, and tells how.
func (c *Chain) Explain(ctx context.Context, creds *Credentials) *Explanation {
	x := &Explanation{}
	x.Verdict = c.run(ctx, creds, x)
	return x
}

// begin begins a stage's part; nil where nobody wants to know.
func (x *Explanation) begin() *Trail {
	if x == nil {
		return nil
	}
	return &Trail{}
}

// end ends a stage's part.
func (x *Explanation) end(t *Trail, stage string, v *Verdict) {
	if t == nil {
		return
	}
	x.Stages = append(x.Stages, StageExplanation{stage, t.steps, v.Decision, v.Reason, v.Detail})
}

// Lines are the explanation, a line for each stage.
func (x *Explanation) Lines() []string {
	lines := make([]string, len(x.Stages))
	for i, s := range x.Stages {
		var b strings.Builder
		fmt.Fprintf(&b, "%s: ", s.Stage)
		for _, step := range s.Steps {
			if step.Outcome == Fails {
				b.WriteString("FAILS: ")
			}
			fmt.Fprintf(&b, "%s; ", step.Text)
		}
		b.WriteString(s.Decision.String())
		if s.Decision == Deny {
			fmt.Fprintf(&b, " %v", s.Reason)
		}
		lines[i] = b.String()
	}
	return lines
}

// LogValue is the explanation in one line.
func (x *Explanation) LogValue() slog.Value { return slog.StringValue(strings.Join(x.Lines(), " | ")) }

// Quote is text as it may be shown, in quotes.
func Quote(b []byte) string { return `"` + Display(b) + `"` }

// Distance is how far t is from now, in words.
func Distance(t, now time.Time) string {
	switch d := t.Sub(now); {
	case d > 0:
		return "in " + roughly(d)
	case d < 0:
		return roughly(-d) + " ago"
	}
	return "now"
}

// roughly is a duration in the two largest units that it has.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	const year = 365 * day
	switch {
	case d >= 2*year:
		return fmt.Sprintf("%d years", d/year)
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Minute:
		s := d.Truncate(time.Second).String()
		if s, ok := strings.CutSuffix(s, "h0m0s"); ok {
			return s + "h"
		}
		if s, ok := strings.CutSuffix(s, "m0s"); ok {
			return s + "m"
		}
		return s
	case d >= time.Second:
		return d.Truncate(time.Second).String()
	}
	return max(d.Truncate(time.Millisecond), time.Millisecond).String()
}
