package secure

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// Bounds of a file of ticket keys. Each ticket is tried with every key.
const (
	maxTicketKeys  = 16
	minTicketBytes = 32 // what crypto/tls takes
	maxTicketBytes = 64 // what fits a line of openssl rand -base64
)

// TicketKeys are the keys of a file, the one that makes tickets first. They print nothing.
type TicketKeys struct{ keys [][]byte }

// ParseTicketKeys reads a file of 1 to 16 keys: a line for each, 32 to 64 bytes in standard
// base64. Empty lines, and those that begin with #, are passed over. No error quotes a key.
func ParseTicketKeys(text []byte) (*TicketKeys, error) {
	t := &TicketKeys{}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.Strict().DecodeString(string(line))
		switch {
		case err != nil:
			return nil, fmt.Errorf("line %d is not base64: make a key with openssl rand -base64 32", number)
		case len(key) < minTicketBytes || len(key) > maxTicketBytes:
			return nil, fmt.Errorf("line %d has %d bytes: a key has %d to %d", number, len(key), minTicketBytes, maxTicketBytes)
		case len(t.keys) == maxTicketKeys:
			return nil, fmt.Errorf("line %d: %d keys are the most: take the oldest away", number, maxTicketKeys)
		case slices.ContainsFunc(t.keys, func(k []byte) bool { return bytes.Equal(k, key) }):
			return nil, fmt.Errorf("line %d: the key stands in the file already", number)
		}
		t.keys = append(t.keys, key)
	}
	if len(t.keys) == 0 {
		return nil, errors.New("holds no key: make one with openssl rand -base64 32")
	}
	return t, nil
}

// For returns the keys of the listener called name whose clients' certificates come from
// authorities, in any order, as [tls.Config.SetSessionTicketKeys] wants them.
func (t *TicketKeys) For(name string, authorities []*x509.Certificate) [][32]byte {
	info := fmt.Sprintf("mqttward session tickets\x00%s\x00%x", name, digest(authorities))
	derived := make([][32]byte, len(t.keys))
	for i, key := range t.keys {
		k, err := hkdf.Key(sha256.New, key, nil, info, len(derived[i]))
		if err != nil {
			panic("secure: " + err.Error()) // only for more bytes than there are
		}
		copy(derived[i][:], k)
	}
	return derived
}

// String hides the keys.
func (t *TicketKeys) String() string { return "[redacted]" }

// GoString hides the keys.
func (t *TicketKeys) GoString() string { return "[redacted]" }

// digest is the same for the same set of certificates.
func digest(set []*x509.Certificate) []byte {
	sums := make([][]byte, len(set))
	for i, c := range set {
		sum := sha256.Sum256(c.Raw)
		sums[i] = sum[:]
	}
	slices.SortFunc(sums, bytes.Compare)
	sums = slices.CompactFunc(sums, bytes.Equal)
	all := sha256.Sum256(bytes.Join(sums, nil))
	return all[:]
}
