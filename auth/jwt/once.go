package jwt

import (
	"context"
	"errors"
)

// errNoKeySet is why a key set that is not configured can't be had.
var errNoKeySet = errors.New("no jwks_url is configured")

// FetchKeySet fetches the key set once and puts it in force, for a stage on which Run is not
// called. It leaves the cache file alone, which belongs to whoever serves.
func (s *Stage) FetchKeySet(ctx context.Context) error {
	if s.jwks == nil {
		return errNoKeySet
	}
	defer s.jwks.client.CloseIdleConnections()
	body, _, err := s.jwks.fetch(ctx)
	if err != nil {
		return err
	}
	return s.use(body, false)
}

// UseKeySet puts the key set whose JSON is body in force, as if it had been fetched now, for a
// stage on which Run is not called. Explanations tell that it was given.
func (s *Stage) UseKeySet(body []byte) error { return s.use(body, true) }

func (s *Stage) use(body []byte, given bool) error {
	if s.jwks == nil {
		return errNoKeySet
	}
	set, err := parseKeySet(body)
	if err != nil {
		return err
	}
	set.fetched, set.given = s.jwks.now(), given
	s.jwks.install(set)
	return nil
}
