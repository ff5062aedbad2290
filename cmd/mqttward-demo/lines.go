package main

import (
	"time"

	"mqttward/packets"
)

// The outcomes of refused lines, by version. These are the demo's own words on what mqttward
// should do, and its tests hold the two against each other.
func badPassword(v packets.Version) outcome {
	if v == packets.V5 {
		return outcome{packets.BadUserNameOrPassword, "bad_password"}
	}
	return outcome{packets.ConnackBadUserNameOrPassword, "bad_password"}
}

func notAuthorized(v packets.Version, reason string) outcome {
	if v == packets.V5 {
		return outcome{packets.NotAuthorized, reason}
	}
	return outcome{packets.ConnackNotAuthorized, reason}
}

// lines are what there is to try: each way in, and each way to be kept out, with every
// version of MQTT, in clear and over TLS. now is when the demo began.
func lines(p places, ca string, now time.Time) []line {
	const (
		v31, v311, v5 = packets.V31, packets.V311, packets.V5
		tomorrow      = 24 * time.Hour
		token         = sampleToken
	)
	var (
		letIn   outcome
		changed = tampered(token)
		carols  = sign("carol", now.Add(tomorrow))
		late    = sign("carol", now.Add(-time.Hour))
	)
	return []line{
		// Those that pass.
		{"a user with her password", publish, v311, p.Plain, "", demoUser, demoPassword, letIn},
		{"the same over TLS, subscribing", subscribe, v5, p.TLS, ca, demoUser, demoPassword, letIn},
		{"the sample token as the password, with any user name", publish, v31, p.Plain, "", "anyone", token, letIn},
		{"the same with MQTT 3.1.1, subscribing", subscribe, v311, p.Plain, "", "anyone", token, letIn},
		{"the same with MQTT 5.0", publish, v5, p.Plain, "", "anyone", token, letIn},
		{"the token over TLS with MQTT 3.1", publish, v31, p.TLS, ca, "anyone", token, letIn},
		{"the token over TLS with MQTT 3.1.1", publish, v311, p.TLS, ca, "anyone", token, letIn},
		{"the token over TLS with MQTT 5.0", publish, v5, p.TLS, ca, "anyone", token, letIn},

		// Those that are refused.
		{"a wrong password", publish, v311, p.Plain, "", demoUser, "looking-glass", badPassword(v311)},
		{"the same with MQTT 5.0 over TLS", publish, v5, p.TLS, ca, demoUser, "looking-glass", badPassword(v5)},
		{"a known user's password is final: a good token does not help", publish, v31, p.Plain, "", demoUser, token, badPassword(v31)},
		{"the token with one character changed", publish, v31, p.Plain, "", "anyone", changed, notAuthorized(v31, "bad_signature")},
		{"the same with MQTT 3.1.1 over TLS", publish, v311, p.TLS, ca, "anyone", changed, notAuthorized(v311, "bad_signature")},
		{"the same with MQTT 5.0, subscribing", subscribe, v5, p.Plain, "", "anyone", changed, notAuthorized(v5, "bad_signature")},
		{"a token that says it needs no signature", publish, v311, p.Plain, "", "anyone", unsigned("anyone"), notAuthorized(v311, "alg_not_allowed")},
		{"an unknown user's password", publish, v311, p.Plain, "", "bob", "builder", notAuthorized(v311, "no_credentials")},
		{"no credentials at all", publish, v5, p.Plain, "", "", "", notAuthorized(v5, "no_credentials")},

		// Those of the second mqttward.
		{"bound to the user name: carol's token used by carol", publish, v311, p.Bound, "", "carol", carols, letIn},
		{"carol's token used by mallory", publish, v5, p.Bound, "", "mallory", carols, notAuthorized(v5, "claim_mismatch")},
		{"carol's token, which has expired", publish, v311, p.Bound, "", "carol", late, notAuthorized(v311, "token_expired")},
		{"the sample token, which has no expiry", publish, v31, p.Bound, "", "anyone", token, notAuthorized(v31, "claim_missing")},
	}
}

// watchLine is a subscriber whose token expires while one looks on.
func watchLine(p places, expires time.Time) watcher {
	return watcher{
		line: line{
			Shows: "a token that expires", Act: subscribe, Version: packets.V5, Address: p.Bound,
			UserName: "dave", Password: sign("dave", expires),
		},
		Expires: expires,
	}
}
