package builtin

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"time"
)

// digest is a hash function, by its place in digests.
type digest byte

// digests are the functions of EMQX's files, by EMQX's words. The place of one is stored with
// the users, and not beyond the process.
var digests = [...]struct {
	word string
	new  func() hash.Hash
	size int
	// round is the time of one iteration of PBKDF2 on a common server's core.
	round time.Duration
}{
	{"md5", md5.New, md5.Size, 400 * time.Nanosecond},
	{"sha", sha1.New, sha1.Size, 250 * time.Nanosecond},
	{"sha224", sha256.New224, sha256.Size224, 300 * time.Nanosecond},
	{"sha256", sha256.New, sha256.Size, 300 * time.Nanosecond},
	{"sha384", sha512.New384, sha512.Size384, perIteration},
	{"sha512", sha512.New, sha512.Size, perIteration},
}

// The places of those that are asked for by name here.
const (
	digestMD5    digest = 0
	digestSHA1   digest = 1
	digestSHA512 digest = 5
)

// digestOf finds a function by its word.
func digestOf(word string) (digest, bool) {
	for i, d := range digests {
		if d.word == word {
			return digest(i), true
		}
	}
	return 0, false
}

func (d digest) String() string       { return digests[d].word }
func (d digest) New() hash.Hash       { return digests[d].new() }
func (d digest) size() int            { return digests[d].size }
func (d digest) round() time.Duration { return digests[d].round }
