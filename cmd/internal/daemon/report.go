package daemon

import (
	"fmt"
	"time"

	"mqttward/auth"
	"mqttward/packets"
	"mqttward/proxy"
)

// Report is what would become of a client, and why, for people and machines to read. No password,
// token, signature or hash is in it.
type Report struct {
	// Client is what the client sends. Nil where a word alone is explained.
	Client *ReportClient `json:"client,omitempty"`
	// Stages are those that were asked, in the chain's order.
	Stages []ReportStage `json:"stages,omitempty"`
	// Verdict is "accept", "deny", or "unknown" where it hangs on what could not be had. It is empty
	// where a word is explained that is no refusal's.
	Verdict string `json:"verdict,omitempty"`
	// Reason is the word of a refusal; empty where the client is let in.
	Reason string `json:"reason,omitempty"`
	// Detail is what the log says besides.
	Detail string `json:"detail,omitempty"`
	// Stage is that which decided; empty where none did.
	Stage string `json:"stage,omitempty"`
	// Identity is the proven name; empty where none is proven.
	Identity string `json:"identity,omitempty"`
	// Expires is when the proof ends; nil means never. Ends says that the session does then.
	Expires *time.Time `json:"expires,omitempty"`
	Ends    bool       `json:"session_ends,omitempty"`
	// Means and Do say what the reason means and what to do about it.
	Means string `json:"means,omitempty"`
	Do    string `json:"do,omitempty"`
	// Connack is what a refused client is answered, by version.
	Connack []ReportConnack `json:"connack,omitempty"`
	// Upstream is what the broker gets.
	Upstream string `json:"upstream,omitempty"`
	// Observed says of each listener that would let the client through all the same that it does:
	// it only observes.
	Observed []string `json:"observed,omitempty"`
	// Unknown says why the verdict could not be told.
	Unknown string `json:"unknown,omitempty"`
	// Words are what a word means that is explained alone, beside a refusal's reason.
	Words []ReportWord `json:"words,omitempty"`
}

// ReportWord is what a word of the log means that is no refusal's.
type ReportWord struct {
	Word string `json:"word"`
	// Of says of what it is a word.
	Of string `json:"of"`
	// Means and Do say what it means and what to do about it.
	Means string `json:"means"`
	Do    string `json:"do"`
}

// ReportClient is what a client sends.
type ReportClient struct {
	// Version is empty where it could not be read.
	Version string `json:"mqtt,omitempty"`
	// ClientID and UserName are cut and escaped, with a token as "[jwt]". UserName is nil where
	// none is sent.
	ClientID string  `json:"client_id"`
	UserName *string `json:"username,omitempty"`
	// Password is "none", "empty", "token" or "password".
	Password string `json:"password"`
	// CertName is the name in its certificate; empty where it has none.
	CertName string `json:"cert_name,omitempty"`
}

// ReportStage is what one stage says.
type ReportStage struct {
	Stage   string       `json:"stage"`
	Verdict string       `json:"verdict"`
	Reason  string       `json:"reason,omitempty"`
	Detail  string       `json:"detail,omitempty"`
	Steps   []ReportStep `json:"steps"`
}

// ReportStep is one thing that a stage looked at.
type ReportStep struct {
	// Outcome is "ok", "fails" or "note".
	Outcome string `json:"outcome"`
	// About is the kind of thing: "user", "password", "token", "key", "time", "claim",
	// "client_id", "anonymous", "stage".
	About string `json:"about"`
	Text  string `json:"text"`
	// Expected and Found are the sides of a comparison; empty where the step is none.
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

// ReportConnack is the answer to a refused client of one version.
type ReportConnack struct {
	Version string `json:"mqtt"`
	// Code is the code in hex; empty where the connection is closed without an answer.
	Code string `json:"code,omitempty"`
	// Name is the specification's name of the code, or "closed without an answer".
	Name string `json:"name"`
}

// refused fills in what there is to say of a refusal.
func (r *Report) refused(why auth.Reason, o proxy.RefusalOptions) {
	r.Verdict, r.Reason = auth.Deny.String(), why.String()
	r.Means, r.Do = advices[why].means, advices[why].do
	for _, v := range [...]packets.Version{packets.V31, packets.V311, packets.V5} {
		c := ReportConnack{Version: v.String(), Name: "closed without an answer"}
		if code, ok := o.Code(why, v); ok {
			c.Code, c.Name = fmt.Sprintf("0x%02x", byte(code)), code.String()
		}
		r.Connack = append(r.Connack, c)
	}
}

// clientOf tells what a client sends.
func clientOf(c *packets.Connect) *ReportClient {
	r := &ReportClient{ClientID: auth.Display(c.ClientID), Password: "password"}
	if c.Version != 0 {
		r.Version = c.Version.String()
	}
	if c.HasUserName {
		name := auth.Display(c.UserName)
		r.UserName = &name
	}
	switch {
	case !c.HasPassword:
		r.Password = "none"
	case len(c.Password) == 0:
		r.Password = "empty"
	case auth.IsToken(c.Password):
		r.Password = "token"
	}
	return r
}

// stagesOf tells what the stages say.
func stagesOf(x *auth.Explanation) []ReportStage {
	if x == nil {
		return nil
	}
	var all []ReportStage
	for _, s := range x.Stages {
		r := ReportStage{Stage: s.Stage, Verdict: s.Decision.String(), Detail: s.Detail, Steps: []ReportStep{}}
		if s.Reason != auth.None {
			r.Reason = s.Reason.String()
		}
		for _, step := range s.Steps {
			r.Steps = append(r.Steps, ReportStep{step.Outcome.String(), string(step.About), step.Text, step.Expected, step.Found})
		}
		all = append(all, r)
	}
	return all
}
