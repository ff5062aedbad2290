package auth

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// ClientIDRule says which client ids a client may use, by what is known of it. The broker ends
// a session when another one comes with its client id, so that whoever may use any id can take
// over anybody's. A rule is immutable and safe for concurrent use.
type ClientIDRule struct {
	source string
	want   *Template
	prefix bool // want is the beginning of the client id, and no more
}

// ParseClientIDRule reads a template in which %u, %n, %{claim:NAME} and %% may stand, and at whose
// end may be one *, for whatever follows, also nothing. A * anywhere else, %c (which is the
// client id itself), and a rule that every client id obeys are errors.
//
// "%u*" would give bob the ids of bobby too: a * wants a separator before it that no value has,
// as in "%u/*".
func ParseClientIDRule(s string) (*ClientIDRule, error) {
	if s == "" || s == "*" {
		return nil, fmt.Errorf("%q binds no client to its id: write %%u, %%u-*, %%n or %%{claim:NAME}", s)
	}
	text, prefix := strings.CutSuffix(s, "*")
	want, err := ParseClaimTemplate(text)
	if err != nil {
		return nil, err
	}
	for _, p := range want.parts {
		if p.kind == literal && strings.Contains(p.text, "*") {
			return nil, errors.New("one * may stand, at the end")
		}
	}
	if want.UsesClientID() {
		return nil, errors.New("%c is the client id itself: write %u, %n or %{claim:NAME}")
	}
	return &ClientIDRule{source: s, want: want, prefix: prefix}, nil
}

// String returns the rule's source.
func (r *ClientIDRule) String() string { return r.source }

// UsesUserName reports whether %u stands in the rule.
func (r *ClientIDRule) UsesUserName() bool { return r.want.UsesUserName() }

// UsesCertName reports whether %n stands in the rule.
func (r *ClientIDRule) UsesCertName() bool { return r.want.UsesCertName() }

// Claims returns the names of the claims that the rule wants, in order. The stage of tokens has
// to keep them in [Identity.Claims].
func (r *ClientIDRule) Claims() []string { return r.want.Claims() }

// NamesNobody reports whether the rule is the same for all clients.
func (r *ClientIDRule) NamesNobody() bool {
	return !r.UsesUserName() && !r.UsesCertName() && len(r.Claims()) == 0
}

// Unseparated reports whether * follows a value at once, so that the ids of one client may be
// another's too.
func (r *ClientIDRule) Unseparated() bool {
	n := len(r.want.parts)
	return r.prefix && n > 0 && r.want.parts[n-1].kind != literal
}

// judge turns v into a deny where it lets in a client whose id breaks the rule. Where a value
// that the rule names was not sent or not proven, or is empty, every id does. No rule, which is
// nil, changes nothing.
func (r *ClientIDRule) judge(c *Credentials, v Verdict, t *Trail) Verdict {
	if r == nil || v.Decision != Accept {
		return v
	}
	var room [128]byte
	want, err := r.want.Append(room[:0], c, v.Identity.Claims)
	if t != nil {
		r.explain(t, c, want, err)
	}
	switch {
	case err != nil: // it names the placeholder
		return Denied(ClientIDMismatch, fmt.Sprintf("client_id_must is %q: %v", r.source, err))
	case r.obeyed(c.ClientID, want):
		return v
	}
	return Denied(ClientIDMismatch, fmt.Sprintf("client_id_must is %q", r.source))
}

// obeyed reports whether id is what the rule's template has become.
func (r *ClientIDRule) obeyed(id, want []byte) bool {
	return r.prefix && bytes.HasPrefix(id, want) || bytes.Equal(id, want)
}

// explain tells what the rule's template has become, or why it could not.
func (r *ClientIDRule) explain(t *Trail, c *Credentials, want []byte, err error) {
	if err != nil {
		t.Fails(AboutClientID, "client_id_must is %q, and %v: no client id fits", r.source, err)
		return
	}
	o, expected, found := Holds, Quote(want), Quote(c.ClientID)
	if r.prefix {
		expected = "one that begins with " + expected
	}
	if !r.obeyed(c.ClientID, want) {
		o = Fails
	}
	t.Compare(o, AboutClientID, fmt.Sprintf("the client id is %s, expected %s (client_id_must = %q)", found, expected, r.source), expected, found)
}
