package jwt

import (
	"context"

	"mqttward/auth"
)

// SurveyedKey is one key of a key set, as it may be shown.
type SurveyedKey struct {
	// KID is the key's id; empty where it has none.
	KID string
	// Kind says what the key is, such as "RSA, 2048 bits"; empty where Problem is not.
	Kind string
	// Verifies lists the algorithms whose signatures the key can verify.
	Verifies string
	// Problem is why the key is passed over; empty where it can be used.
	Problem string
}

// SurveyKeySet fetches the key set once, with the stage's own bounds on time and size, and tells
// what is in it: first the keys that can be used, in the set's order, and then the others. It puts
// nothing in force and leaves the cache file alone. Without a jwks_url there is nothing to tell.
func (s *Stage) SurveyKeySet(ctx context.Context) ([]SurveyedKey, error) {
	if s.jwks == nil {
		return nil, nil
	}
	defer s.jwks.client.CloseIdleConnections()
	body, _, err := s.jwks.fetch(ctx)
	if err != nil {
		return nil, err
	}
	set, err := parseKeySet(body)
	if err != nil {
		return nil, err
	}
	var keys []SurveyedKey
	for _, w := range set.keys {
		keys = append(keys, SurveyedKey{KID: auth.Display([]byte(w.kid)), Kind: w.key.String(), Verifies: w.key.serves()})
	}
	for _, p := range set.passed {
		keys = append(keys, SurveyedKey{KID: p.kid, Problem: p.problem})
	}
	return keys, nil
}
