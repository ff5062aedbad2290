package jwt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
)

// maxRedirects is how many redirects one fetch follows.
const maxRedirects = 3

// fetchResult says in one word how a fetch ended.
type fetchResult uint8

const (
	fetchOK fetchResult = iota
	fetchUnreachable
	fetchTimeout
	fetchRedirect
	fetchStatus
	fetchTooLarge
	fetchMalformed

	numFetchResults
)

// fetchCounts counts fetches by their result.
type fetchCounts [numFetchResults]atomic.Uint64

func (r fetchResult) String() string {
	return [numFetchResults]string{"ok", "unreachable", "timeout", "redirect", "status", "too_large", "malformed"}[r]
}

// FetchResults returns the words of how a fetch of the key set ends, as in the log and in
// [JWKSStatus].
func FetchResults() []string {
	all := make([]string, numFetchResults)
	for r := range all {
		all[r] = fetchResult(r).String()
	}
	return all
}

// parseURL checks the address of a key set. Its errors don't quote it, for it may hold a
// password.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("auth.jwt.jwks_url: not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("auth.jwt.jwks_url: must begin with https:// or http://")
	case u.Hostname() == "":
		return nil, errors.New("auth.jwt.jwks_url: no host")
	}
	return u, nil
}

// isLoopback reports whether host is this machine, judged without a look-up.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// newClient returns the client that fetches the set. It follows no redirect by itself and
// keeps no connection: between two fetches there are minutes.
func newClient(o *JWKSOptions) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch gets the set's JSON, and follows redirects to it. A failure comes with its result.
func (j *jwks) fetch(ctx context.Context) ([]byte, fetchResult, error) {
	ctx, cancel := context.WithTimeout(ctx, j.o.Timeout)
	defer cancel()
	at, away := j.url, false
	for hops := 0; ; hops++ {
		body, next, result, err := j.get(ctx, at, away)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, fetchTimeout, fmt.Errorf("no whole answer within %v", j.o.Timeout)
			}
			return nil, result, err
		}
		if next == nil {
			return body, fetchOK, nil
		}
		switch {
		case hops == maxRedirects:
			return nil, fetchRedirect, fmt.Errorf("more than %d redirects", maxRedirects)
		case next.Scheme != "https" && (next.Scheme != "http" || at.Scheme == "https"):
			return nil, fetchRedirect, fmt.Errorf("redirect from %s to %q", at.Scheme, next.Scheme)
		}
		// Once away, always away: a foreign server could send us back with its own query.
		away = away || !sameOrigin(j.url, next)
		at = next
	}
}

// get sends one request, and returns either the body or where the server redirects to. away
// is true once a redirect has led to another origin: then the configured headers stay here.
func (j *jwks) get(ctx context.Context, at *url.URL, away bool) (body []byte, next *url.URL, r fetchResult, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, nil, fetchUnreachable, errors.New("redirect to an impossible URL")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	req.Header.Set("User-Agent", "mqttward")
	if !away {
		for name, v := range j.headers {
			req.Header[name] = v
		}
	}
	resp, err := j.client.Do(req)
	if err != nil {
		// The outer error quotes the URL.
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err
		}
		return nil, nil, fetchUnreachable, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		body, r, err = readBody(resp.Body)
		return body, nil, r, err
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if next, err = resp.Location(); err != nil {
			return nil, nil, fetchRedirect, errors.New("redirect without a usable Location")
		}
		return nil, next, fetchRedirect, nil
	}
	return nil, nil, fetchStatus, fmt.Errorf("status %d", resp.StatusCode)
}

// readBody reads an answer of bounded length.
func readBody(r io.Reader) ([]byte, fetchResult, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSetBytes+1))
	switch {
	case err != nil:
		return nil, fetchUnreachable, fmt.Errorf("read the answer: %w", err)
	case len(body) > maxSetBytes:
		return nil, fetchTooLarge, fmt.Errorf("answer of more than %d bytes", maxSetBytes)
	}
	return body, fetchOK, nil
}

// sameOrigin reports whether a and b have scheme, host and port in common (RFC 6454).
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

// port returns the port of u, or its scheme's.
func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
