package builtin

import (
	"crypto/sha1"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"
)

// SaltPosition says where a salt is put to the password before both are hashed.
type SaltPosition byte

const (
	// SaltPrefix puts it before the password. It is the default.
	SaltPrefix SaltPosition = iota
	// SaltSuffix puts it behind the password.
	SaltSuffix
	// SaltDisable means that it is not used.
	SaltDisable
)

// saltPositions are the words of EMQX, in the order of the constants.
var saltPositions = [...]string{"prefix", "suffix", "disable"}

// saltedHash is one call of a hash function over salt and password: EMQX's usual kind, and
// htpasswd's {SHA}, which has no salt.
type saltedHash struct {
	redacted
	digest   digest
	position SaltPosition
	salt     string // empty where it is not used
	sum      string
}

const (
	// emqxKind is our own form for what EMQX has and mosquitto has no form for:
	// $emqx$DIGEST,POSITION$salt$hash and $emqx$pbkdf2,DIGEST,ITERATIONS$salt$hash.
	emqxKind = "$emqx$"
	shaKind  = "{SHA}"
	// maxEMQXSalt is more than EMQX makes, which is 32 characters.
	maxEMQXSalt = 128
)

// parseEMQX reads what follows "$emqx$".
func parseEMQX(rest string) (Hash, error) {
	part := strings.Split(rest, "$")
	if len(part) != 3 {
		return nil, bad(emqxKind, "it wants $emqx$DIGEST,POSITION$salt$hash or $emqx$pbkdf2,DIGEST,ITERATIONS$salt$hash")
	}
	salt, err := decode(padded, emqxKind, "salt", part[1], 0, maxEMQXSalt)
	if err != nil {
		return nil, err
	}
	if how, ok := strings.CutPrefix(part[0], "pbkdf2,"); ok {
		return parseDerived(how, string(salt), part[2])
	}
	word, where, _ := strings.Cut(part[0], ",")
	d, ok := digestOf(word)
	position := slices.Index(saltPositions[:], where)
	if !ok || position < 0 {
		return nil, bad(emqxKind, "it wants a hash function such as sha256, and prefix, suffix or disable, as in $emqx$sha256,prefix$")
	}
	if SaltPosition(position) == SaltDisable && len(salt) > 0 {
		return nil, bad(emqxKind, "there is a salt, and its position is disable")
	}
	sum, err := decode(padded, emqxKind, "hash", part[2], d.size(), d.size())
	if err != nil {
		return nil, err
	}
	return newSalted(d, SaltPosition(position), string(salt), string(sum)), nil
}

// parseSHA reads what follows "{SHA}".
func parseSHA(rest string) (Hash, error) {
	sum, err := decode(padded, shaKind, "hash", rest, sha1.Size, sha1.Size)
	if err != nil {
		return nil, err
	}
	return &saltedHash{digest: digestSHA1, position: SaltDisable, sum: string(sum)}, nil
}

func (h *saltedHash) Algorithm() string { return h.digest.String() }

func (h *saltedHash) Weakness() string {
	switch {
	case h.salt == "":
		return fmt.Sprintf("%s without a salt, which is guessed for all users at once", h.digest)
	case h.digest == digestMD5 || h.digest == digestSHA1:
		return fmt.Sprintf("%s, which is guessed very fast", h.digest)
	}
	return ""
}

func (h *saltedHash) work() work {
	return work{algorithm: h.Algorithm(), takes: time.Microsecond}
}

func (h *saltedHash) verify(password []byte) (bool, error) {
	d := h.digest.New()
	if h.position == SaltPrefix {
		d.Write([]byte(h.salt))
	}
	d.Write(password)
	if h.position == SaltSuffix {
		d.Write([]byte(h.salt))
	}
	return subtle.ConstantTimeCompare(d.Sum(nil), []byte(h.sum)) == 1, nil
}

func (h *saltedHash) appendStored(b []byte) []byte {
	b = append(b, storedSalted, byte(h.digest), byte(h.position))
	return appendStoredPart(appendStoredPart(b, h.salt), h.sum)
}

func (h *saltedHash) appendText(b []byte) []byte {
	if h.digest == digestSHA1 && h.position == SaltDisable {
		return padded.AppendEncode(append(b, shaKind...), []byte(h.sum))
	}
	b = fmt.Appendf(b, "%s%s,%s$", emqxKind, h.digest, saltPositions[h.position])
	b = append(padded.AppendEncode(b, []byte(h.salt)), '$')
	return padded.AppendEncode(b, []byte(h.sum))
}

func (h *saltedHash) decoy() Hash {
	d := *h
	d.salt, d.sum = randomString(len(h.salt)), randomString(len(h.sum))
	return &d
}

// clearHash is what is kept of a password that stands in a file in clear text: mosquitto's $6$,
// salted by the user's name, so that the same line gives the same hash when it is read again.
func clearHash(name string, password []byte) Hash {
	salt := sha512.Sum512([]byte(name))
	h := &sha512Hash{salt: string(salt[:12])}
	h.sum = h.digest(password)
	return h
}

// newSalted returns the hash, as mosquitto's $6$ where it is one.
func newSalted(d digest, position SaltPosition, salt, sum string) Hash {
	if d == digestSHA512 && position == SaltSuffix && len(salt) >= minSalt && len(salt) <= maxSalt {
		return &sha512Hash{salt: salt, sum: [sha512.Size]byte([]byte(sum))}
	}
	return &saltedHash{digest: d, position: position, salt: salt, sum: sum}
}
