package builtin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// proofs remembers which passwords were found right for which stored hash of which user, so
// that each slow hash is computed once. It holds nothing that such a password could be
// guessed from without the key, which is random and never leaves the process. What was found
// wrong is not remembered: that would help a client only while it errs, and let junk fill the
// memory. It is safe for concurrent use, by several stages at once too.
type proofs struct {
	redacted
	macs sync.Pool // of *mac, all with the same key

	// mu is held for a look-up and no longer, once in a CONNECT.
	mu sync.Mutex
	// Two ages stand for an order by last use: what is used moves to the younger, and when
	// that is full, the older is forgotten and the younger takes its place. They have no
	// pointers in them, and grow with use.
	younger, older map[proof]struct{}
}

// proof stands for a user's name, its stored hash and a password: the first half of their
// HMAC-SHA256. Nobody outside can choose it or tell it, so comparing it need not take
// constant time.
type proof [16]byte

// mac computes proofs. One goroutine uses it at a time.
type mac struct {
	hmac  hash.Hash
	text  []byte
	sum   [sha256.Size]byte
	zeros [sha256.BlockSize - 1]byte
}

// maxKeptText is the longest text whose memory is kept for the next one.
const maxKeptText = 4 << 10

func newProofs() *proofs {
	var key [sha256.Size]byte
	rand.Read(key[:])
	p := &proofs{younger: map[proof]struct{}{}}
	p.macs.New = func() any { return &mac{hmac: hmac.New(sha256.New, key[:])} }
	return p
}

// of returns the proof that password is right for the user name, whose stored hash is h.
func (p *proofs) of(name []byte, h Hash, password []byte) proof {
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	return m.proof(name, h, password)
}

func (m *mac) proof(name []byte, h Hash, password []byte) proof {
	// The password comes last, so that no copy of it is left where the text outgrew its place.
	m.text = appendPart(m.text[:0], name)
	m.text = append(m.text, 0, 0, 0, 0)
	stored := len(m.text)
	m.text = h.appendStored(m.text)
	binary.BigEndian.PutUint32(m.text[stored-4:], uint32(len(m.text)-stored))
	m.text = appendPart(m.text, password)

	m.hmac.Reset()
	m.hmac.Write(m.text)
	sum := m.hmac.Sum(m.sum[:0])

	// Nothing of the password stays behind: not in the text, nor in the hash's last block.
	clear(m.text)
	if cap(m.text) > maxKeptText {
		m.text = nil
	}
	m.hmac.Reset()
	m.hmac.Write(m.zeros[:])
	return proof(sum[:len(proof{})])
}

// appendPart appends part with its length, so that no two lists of parts give the same bytes.
func appendPart[T string | []byte](b []byte, part T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
	return append(b, part...)
}

// has reports whether w is remembered. limit is as add has it.
func (p *proofs) has(w proof, limit int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.younger[w]; ok {
		return true
	}
	if _, ok := p.older[w]; !ok {
		return false
	}
	delete(p.older, w)
	p.use(w, limit)
	return true
}

// add remembers w. limit is how many an age may hold; so there are twice as many at most.
func (p *proofs) add(w proof, limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.younger[w]; !ok {
		delete(p.older, w)
		p.use(w, limit)
	}
}

// use makes w one of the younger.
func (p *proofs) use(w proof, limit int) {
	if len(p.younger) >= limit {
		p.older, p.younger = p.younger, map[proof]struct{}{}
	}
	p.younger[w] = struct{}{}
}
