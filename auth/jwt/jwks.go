package jwt

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

// retryFirst is the wait after a first failed fetch. It doubles up to the refresh interval.
const retryFirst = time.Second

// jwks is a key set that is kept fresh. It stands by itself, so that it can outlive the stage
// that it was made for. Readers take the current set by one atomic load; all else belongs to
// the goroutine of run.
type jwks struct {
	o       JWKSOptions
	ring    ring // the keys that the set stands beside
	url     *url.URL
	name    string // the URL as it may be shown
	headers http.Header
	client  *http.Client
	now     func() time.Time
	log     *slog.Logger

	set     atomic.Pointer[keySet] // nil: never loaded
	asked   chan struct{}          // holds one element while an early fetch is wanted
	fetched chan struct{}          // holds one element once a fetch has succeeded
	fetches *fetchCounts

	// warned are the passed keys of the last set, which have been told.
	warned      map[passedKey]bool
	cacheFailed bool // that the cache file can't be written has been told
	fresh       bool // the set was inherited, and fetched as it would be now
	failing     bool // that fetches fail has been told, and not yet that they work again
}

// newJWKS returns the key set of o, with what its cache file holds and without any fetch.
func newJWKS(o JWKSOptions, r ring, now func() time.Time, log *slog.Logger) (*jwks, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	j := &jwks{o: o, ring: r, now: now, asked: make(chan struct{}, 1), fetched: make(chan struct{}, 1), fetches: &fetchCounts{}}
	if j.url, err = parseURL(o.URL); err != nil {
		return nil, err
	}
	j.name = (&url.URL{Scheme: j.url.Scheme, Host: j.url.Host, Path: j.url.Path}).String()
	j.log = log.With("jwks", j.name)
	j.client = newClient(&o)
	j.headers = make(http.Header)
	for name, v := range o.Headers {
		j.headers.Set(name, v)
	}
	j.loadCache()
	return j, nil
}

// inherit takes over the keys of a key set of the same URL, where they are not older than what
// is there, and goes on with its counts. It is called before anybody reads the set.
func (j *jwks) inherit(before *jwks) {
	j.fetches = before.fetches
	set, own := before.set.Load(), j.set.Load()
	if set == nil || before.o.URL != j.o.URL || own != nil && own.fetched.After(set.fetched) {
		return
	}
	j.set.Store(j.ring.adopt(set))
	// Asked differently, the provider may answer differently: it is asked at once.
	j.fresh = !set.fromCache && j.o.RootCAs.Equal(before.o.RootCAs) && maps.Equal(j.o.Headers, before.o.Headers)
}

// due is how long the keys that are there may wait for the next fetch; 0 where they were not
// fetched as they would be now.
func (j *jwks) due() time.Duration {
	set := j.set.Load()
	if set == nil || !j.fresh {
		return 0
	}
	return max(0, j.o.RefreshInterval-j.now().Sub(set.fetched))
}

// current returns the set that is in force at now, and nil where there is none.
func (j *jwks) current(now time.Time) *keySet {
	set := j.set.Load()
	if set == nil || (j.o.MaxStale > 0 && now.Sub(set.fetched) > j.o.MaxStale) {
		return nil
	}
	return set
}

// ask wants an early fetch. It never waits.
func (j *jwks) ask() {
	select {
	case j.asked <- struct{}{}:
	default: // one is wanted already
	}
}

// run fetches at once, unless the keys were inherited and are fresh, and then again and again
// until ctx ends.
func (j *jwks) run(ctx context.Context) {
	defer j.client.CloseIdleConnections()
	var early time.Time // when an early fetch is allowed again
	if wait := j.due(); wait > 0 {
		switch j.pause(ctx, wait, 0) {
		case pauseEnded:
			return
		case pauseAsked:
			early = time.Now().Add(j.o.MinRefetch)
		}
	}
	retry := retryFirst
	for {
		wait := j.o.RefreshInterval + rand.N(j.o.RefreshInterval/10)
		if j.refresh(ctx) {
			retry = retryFirst
			// What was asked for meanwhile has been answered, or will be asked again.
			select {
			case <-j.asked:
			default:
			}
		} else {
			wait = min(wait, retry+rand.N(retry/10))
			retry = min(2*retry, j.o.RefreshInterval)
		}
		switch j.pause(ctx, wait, time.Until(early)) {
		case pauseEnded:
			return
		case pauseAsked:
			early = time.Now().Add(j.o.MinRefetch)
		}
	}
}

// pauseEnd is what ended a pause.
type pauseEnd uint8

const (
	pauseOver  pauseEnd = iota
	pauseAsked          // an early fetch was asked for
	pauseEnded          // the context ended
)

// pause waits for d, or after at least early until somebody asks.
func (j *jwks) pause(ctx context.Context, d, early time.Duration) pauseEnd {
	over := time.NewTimer(d)
	defer over.Stop()
	gate := time.NewTimer(early)
	defer gate.Stop()
	var asked <-chan struct{} // nil, and so never ready, until the gate opens
	for {
		select {
		case <-ctx.Done():
			return pauseEnded
		case <-over.C:
			return pauseOver
		case <-gate.C:
			asked = j.asked
		case <-asked:
			return pauseAsked
		}
	}
}

// refresh fetches the set once and puts it in force.
func (j *jwks) refresh(ctx context.Context) bool {
	body, result, err := j.fetch(ctx)
	var set *keySet
	if err == nil {
		if set, err = parseKeySet(body); err != nil {
			result = fetchMalformed
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return false // the fetch was cut off: that says nothing about the provider
		}
		j.fetches[result].Add(1)
		j.failing = true
		j.log.Warn("jwks fetch failed", "result", result.String(), "error", err,
			"keys_in_force", j.current(j.now()) != nil)
		return false
	}
	j.fetches[result].Add(1)
	set.fetched = j.now()
	set.follows(j.set.Load())
	j.install(set)
	select {
	case j.fetched <- struct{}{}:
	default: // it has yet to be looked at
	}
	if j.failing {
		j.failing = false
		j.log.Info("jwks fetch works again")
	}
	j.saveCache(body, set.fetched)
	return true
}

// install puts set in force, and tells what is new about it.
func (j *jwks) install(set *keySet) {
	j.ring.admit(set)
	old := j.set.Swap(set)
	if kids := set.kids(); old == nil || old.fromCache || old.size != set.size || !slices.Equal(old.kids(), kids) {
		j.log.Info("jwks loaded", "keys", set.size, "kids", kids, "passed_over", len(set.passed), "from_cache", set.fromCache)
	}
	warned := make(map[passedKey]bool, len(set.passed))
	for _, p := range set.passed {
		id := passedKey{kid: p.kid, problem: p.problem} // wherever it stands in the set
		if !j.warned[id] && !warned[id] {
			j.log.Warn("jwks key passed over", "index", p.index, "kid", p.kid, "problem", p.problem)
		}
		warned[id] = true
	}
	j.warned = warned
}

// JWKSStatus is the state of a key set.
type JWKSStatus struct {
	// URL is the set's address as it may be shown: without user, password and query.
	URL string
	// LastSuccess is when the keys were fetched, by this process or, where FromCache is true,
	// by an earlier one. Zero means that no keys were ever loaded.
	LastSuccess time.Time
	FromCache   bool
	// Usable reports that there is a set that is not too old.
	Usable bool
	// Keys is the number of usable keys, PassedOver that of the others.
	Keys, PassedOver int
	// Fetches counts the fetches by their result, those of the stages before this one included. All results are listed, in a fixed order.
	Fetches []FetchCount
}

// FetchCount is how often fetches ended with a result.
type FetchCount struct {
	// Result is "ok", "unreachable", "timeout", "redirect", "status", "too_large" or
	// "malformed".
	Result string
	Count  uint64
}

func (j *jwks) status() JWKSStatus {
	st := JWKSStatus{URL: j.name, Usable: j.current(j.now()) != nil}
	if set := j.set.Load(); set != nil {
		st.LastSuccess, st.FromCache = set.fetched, set.fromCache
		st.Keys, st.PassedOver = set.size, len(set.passed)
	}
	for r := range j.fetches {
		st.Fetches = append(st.Fetches, FetchCount{fetchResult(r).String(), j.fetches[r].Load()})
	}
	return st
}
