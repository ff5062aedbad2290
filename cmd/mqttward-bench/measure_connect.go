package main

import (
	"context"
	"slices"
	"strings"
)

const (
	columnConnects  = "connects/s"
	columnProcessor = "processor µs each"
	columnOfHS256   = "of haproxy's HS256"
	columnRefusals  = "refusals/s"
	columnAnswered  = "with CONNACK"
)

// credential is a kind of client, and the door that it comes to.
type credential struct {
	name      string
	door      door
	algorithm string // of its token; empty: anonymous
	again     bool   // the same token each time
}

// credentialHS256 is what others are compared with.
const credentialHS256 = "HS256, fresh"

func credentials() []credential {
	return []credential{
		{"anonymous", doorAnonymous, "", false},
		{credentialHS256, doorHS256, "HS256", false},
		{"HS256, again", doorHS256, "HS256", true},
		{"RS256, fresh", doorRS256, "RS256", false},
		{"RS256, again", doorRS256, "RS256", true},
		{"ES256, fresh", doorES256, "ES256", false},
		{"ES256, again", doorES256, "ES256", true},
		{"TLS 1.3, RSA, HS256", doorTLSRSA, "HS256", false},
		{"TLS 1.3, ECDSA, HS256", doorTLSECDSA, "HS256", false},
	}
}

// credentialsLike returns those in whose name a text is.
func credentialsLike(text string) []credential {
	return slices.DeleteFunc(credentials(), func(c credential) bool { return !strings.Contains(c.name, text) })
}

// connect measures clients that connect and disconnect.
func (b *bench) connect(ctx context.Context, s settings, routes []*route) (*sheet, error) {
	result := &sheet{
		title:  "Connects: CONNECT, CONNACK, DISCONNECT, by credential",
		column: []string{columnConnects, columnProcessor, columnOfHS256},
		chart:  []string{columnProcessor},
		notes: []string{"Fresh: each token seen for the first time. Again: one token. TLS: full handshakes, a fresh token each. " +
			"nginx and direct judge no credential; haproxy judges no claims. " +
			"Of haproxy's HS256: the processor time, by that of haproxy for a fresh HS256 token in the same round."},
	}
	same := map[string][]string{}
	for range s.rounds {
		round := map[cell]float64{} // processor time
		for _, c := range credentialsLike(s.kinds) {
			passwords, err := b.passwords(c, s.connects, same)
			if err != nil {
				return nil, err
			}
			for _, r := range routes {
				o := b.order(doConnect, r, c.door)
				o.Count, o.Passwords = s.connects, passwords
				out, seconds, ok, err := b.spent(ctx, r, o)
				if err != nil {
					return nil, err
				}
				measured := sample{columnConnects: float64(out.Done) / out.Seconds}
				if ok {
					measured[columnProcessor] = seconds / float64(out.Done) * 1e6
					round[cell{c.name, r.name, columnProcessor}] = measured[columnProcessor]
				}
				result.add(c.name, r.name, measured)
			}
		}
		if base := round[cell{credentialHS256, routeHAProxy, columnProcessor}]; base > 0 {
			for c, v := range round {
				result.add(c.of, c.route, sample{columnOfHS256: v / base})
			}
		}
	}
	return result, nil
}

// passwords returns those of n clients. same has the tokens that are used again.
func (b *bench) passwords(c credential, n int, same map[string][]string) (list []string, err error) {
	switch {
	case c.algorithm == "":
		return nil, nil
	case !c.again:
		return b.freshTokens(c.algorithm, n)
	}
	if same[c.algorithm] == nil {
		same[c.algorithm], err = b.freshTokens(c.algorithm, 1)
	}
	return same[c.algorithm], err
}

// refuse measures clients whose token has a signature by another key.
func (b *bench) refuse(ctx context.Context, s settings, routes []*route) (*sheet, error) {
	result := &sheet{
		title:  "Refusals: HS256 tokens of another secret",
		column: []string{columnRefusals, columnProcessor, columnAnswered},
		chart:  []string{columnProcessor},
		notes:  []string{"With CONNACK: the share of clients that were told why, rather than just cut off. nginx and direct let everybody in."},
	}
	others, err := newSecrets()
	if err != nil {
		return nil, err
	}
	for round := range s.rounds {
		passwords, _, err := others.tokens("HS256", s.connects, round*s.connects)
		if err != nil {
			return nil, err
		}
		for _, r := range routes {
			if r.name == routeDirect || r.name == routeNginx {
				continue
			}
			o := b.order(doConnect, r, doorHS256)
			o.Count, o.Passwords, o.Refused = s.connects, passwords, true
			out, seconds, _, err := b.spent(ctx, r, o)
			if err != nil {
				return nil, err
			}
			done := float64(out.Done)
			result.add("bad signature", r.name, sample{
				columnRefusals: done / out.Seconds, columnProcessor: seconds / done * 1e6,
				columnAnswered: float64(out.Answered) / done,
			})
		}
	}
	return result, nil
}
