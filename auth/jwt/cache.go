package jwt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// maxCacheBytes is the longest cache file that is read: the longest key set, and room for the
// URL and the time.
const maxCacheBytes = maxSetBytes + 64<<10

// cached is what the cache file holds, as JSON.
type cached struct {
	URL     string          `json:"url"`
	Fetched time.Time       `json:"fetched"`
	JWKS    json.RawMessage `json:"jwks"`
}

// errNoCache is why a cache file is passed over without a warning: there is none.
var errNoCache = errors.New("no cache file")

// loadCache puts the set of the cache file in force, where it can be used. It is called before
// anybody reads the set.
func (j *jwks) loadCache() {
	if j.o.CacheFile == "" {
		return
	}
	set, err := j.readCache()
	switch {
	case errors.Is(err, errNoCache):
	case err != nil:
		j.log.Warn("jwks cache file not used", "file", j.o.CacheFile, "error", err)
	default:
		j.install(set)
	}
}

// readCache reads the set of the cache file. Whether it is too old is [jwks.current]'s to say.
func (j *jwks) readCache() (*keySet, error) {
	data, err := readTrusted(j.o.CacheFile)
	if err != nil {
		return nil, err
	}
	var c cached
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, errors.New("not the JSON of a cache file")
	}
	if c.URL != j.o.URL {
		return nil, errors.New("it holds the keys of another URL")
	}
	if c.Fetched.IsZero() {
		return nil, errors.New("it holds no fetch time")
	}
	set, err := parseKeySet(c.JWKS)
	if err != nil {
		return nil, err
	}
	set.fromCache = true
	set.fetched = c.Fetched
	// A clock that was set back must not make the keys younger than new.
	if now := j.now(); set.fetched.After(now) {
		set.fetched = now
	}
	return set, nil
}

// readTrusted reads a file that nobody but root and we could have written.
func readTrusted(path string) ([]byte, error) {
	// Asked first, since to open a pipe would wait for its writer.
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, errNoCache
	} else if err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkTrusted(info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCacheBytes+1))
	if err == nil && len(data) > maxCacheBytes {
		err = fmt.Errorf("more than %d bytes", maxCacheBytes)
	}
	return data, err
}

// saveCache keeps an answer for the next start. A failure costs nothing but that, and is told
// once until it works again.
func (j *jwks) saveCache(body []byte, fetched time.Time) {
	if j.o.CacheFile == "" {
		return
	}
	err := writeCache(j.o.CacheFile, cached{j.o.URL, fetched, body})
	if err != nil && !j.cacheFailed {
		j.log.Warn("jwks cache file can't be written", "file", j.o.CacheFile, "error", err)
	}
	j.cacheFailed = err != nil
}

// writeCache replaces the file by rename, so that there is a whole one at any time.
func writeCache(path string, c cached) (err error) {
	var data bytes.Buffer
	enc := json.NewEncoder(&data)
	enc.SetEscapeHTML(false) // it could make the set longer than is read back
	if err := enc.Encode(c); err != nil {
		return err
	}
	// CreateTemp makes it with mode 0600.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
