package builtin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Errors of [ParseHash], to be told apart with errors.Is. Their texts and those that wrap
// them say what is wrong and never quote the hash, which may be a clear-text password.
var (
	// ErrUnknownHash means that the text is not of a kind that is read here; a clear-text
	// password is among these.
	ErrUnknownHash = errors.New("not a password hash that can be read")
	// ErrBadHash means that the kind is known and the rest is wrong: a part too many or
	// too few, broken base64, a wrong length, a cost out of bounds.
	ErrBadHash = errors.New("malformed password hash")
)

// Hash is a parsed password hash. It is immutable and safe for concurrent use. No verb of
// fmt, no slog handler and no encoder prints anything of it.
type Hash interface {
	fmt.Formatter
	slog.LogValuer

	// Algorithm is the kind's word: "sha512", "sha512-pbkdf2", "argon2id", "bcrypt"; of EMQX's
	// "md5", "sha", "sha256" and the like, alone or with "-pbkdf2".
	Algorithm() string
	// Weakness says why passwords are easily guessed from such a hash; empty where they
	// are not.
	Weakness() string

	// verify reports whether the hash is that of password. An error of type unfit means
	// that this kind can't hold such a password, which is then wrong; any other is ours.
	// It takes the same time whatever the answer.
	verify(password []byte) (bool, error)
	// work is what verify costs.
	work() work
	// decoy returns a hash of the same cost that no password is known for.
	decoy() Hash
	// appendStored appends all that is stored: the kind, the cost, the salt and the hash, what
	// varies in length with its length. Two hashes that differ in any of them give different
	// bytes, neither of which begins with the other.
	appendStored(b []byte) []byte
	// appendText appends the hash as ParseHash reads it.
	appendText(b []byte) []byte
}

// work is the cost of a verification: an algorithm, its parameters, and what they come to.
// Two hashes of equal work can't be told apart by time.
type work struct {
	algorithm    string
	time, memory uint32
	lanes        uint8
	takes        time.Duration
}

// slowFrom is the estimated time from which a hash is computed by the workers. Below it,
// handing the job over and waking a thread costs about as much as is won.
const slowFrom = 500 * time.Microsecond

func (w work) slow() bool { return w.takes >= slowFrom }

// unfit is why a password can't be the right one for a kind of hash.
type unfit string

func (u unfit) Error() string { return string(u) }

const hasNUL unfit = "the password has a NUL in it"

// redacted keeps the type that embeds it from being printed.
type redacted struct{}

const redactedText = "[redacted]"

// Format prints "[redacted]", whatever the verb.
func (redacted) Format(s fmt.State, _ rune) { io.WriteString(s, redactedText) }

// LogValue is "[redacted]".
func (redacted) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText returns "[redacted]".
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }

// Bounds on the text of a hash and its parts.
const (
	// maxHashText is more than the longest hash within the other bounds, 550 characters.
	maxHashText = 640
	// mosquitto makes salts of 12 bytes, since 2.1 of 64; most makers of argon2id 16.
	minSalt, maxSalt = 8, 64
)

// kinds are the kinds of hash that are read, by what they begin with.
var kinds = [...]struct {
	prefix string
	parse  func(rest string) (Hash, error)
}{
	{"$6$", parseSHA512},
	{"$7$", parsePBKDF2},
	{"$argon2id$", parseArgon2id},
	{"$2a$", parseBcrypt},
	{"$2b$", parseBcrypt},
	{"$2y$", parseBcrypt},
	{shaKind, parseSHA},
	{emqxKind, parseEMQX},
}

// strangers are kinds that people have and that are not read, with their names.
var strangers = [...]struct{ prefix, name string }{
	{"$apr1$", "Apache's MD5"},
	{"$1$", "MD5-crypt"},
	{"$5$", "SHA-256-crypt"},
	{"$2x$", "bcrypt of a broken maker"},
	{"$2$", "bcrypt of the first edition"},
	{"$y$", "yescrypt"},
	{"$gy$", "gost-yescrypt"},
	{"$argon2i$", "argon2i"},
	{"$argon2d$", "argon2d"},
	{"$scrypt$", "scrypt"},
	{"$pbkdf2", "PBKDF2 in passlib's form"},
	{"PBKDF2$", "PBKDF2 in mosquitto-auth-plug's form"},
	{"{SSHA}", "salted SHA-1"},
}

// ParseHash reads a password hash in one of the forms that the package comment names. Its
// errors wrap [ErrUnknownHash] or [ErrBadHash].
func ParseHash(s string) (Hash, error) {
	if len(s) > maxHashText {
		return nil, fmt.Errorf("%w: more than %d characters", ErrUnknownHash, maxHashText)
	}
	for _, k := range kinds {
		rest, ok := strings.CutPrefix(s, k.prefix)
		if !ok {
			continue
		}
		// Base64 decoders skip line ends, and an invisible character is hard to find.
		if i := strings.IndexFunc(s, notGraphic); i >= 0 {
			return nil, bad(k.prefix, "character %d is a blank, a control or not ASCII", i+1)
		}
		return k.parse(rest)
	}
	return nil, unknown(s)
}

func notGraphic(r rune) bool { return r <= ' ' || r > '~' }

// unknown says of s what it is, as far as that is known, and what to write instead.
func unknown(s string) error {
	const instead = "write $7$ as \"mqttward users passwd FILE NAME\" or mosquitto_passwd makes it, $argon2id$ or bcrypt ($2b$)"
	for _, k := range strangers {
		if strings.HasPrefix(s, k.prefix) {
			return fmt.Errorf("%w: %s (%s) is not supported; %s", ErrUnknownHash, k.prefix, k.name, instead)
		}
	}
	if s == "" {
		return fmt.Errorf("%w: it is empty; %s", ErrUnknownHash, instead)
	}
	if s[0] == '$' || s[0] == '{' {
		return fmt.Errorf("%w: unknown kind; %s", ErrUnknownHash, instead)
	}
	return fmt.Errorf("%w: clear-text passwords are never taken; %s", ErrUnknownHash, instead)
}

// bad is an error that wraps ErrBadHash, for a hash of the given kind.
func bad(kind, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrBadHash, kind, fmt.Sprintf(format, args...))
}

// The encodings of hashes. Strict: one hash has one form.
var (
	padded   = base64.StdEncoding.Strict()
	unpadded = base64.RawStdEncoding.Strict()
)

// decode reads a base64 part of a hash that has least to most bytes.
func decode(enc *base64.Encoding, kind, part, text string, least, most int) ([]byte, error) {
	b, err := enc.DecodeString(text)
	switch {
	case err != nil:
		return nil, bad(kind, "the %s is not base64 of the right kind", part) // err would quote it
	case len(b) >= least && len(b) <= most:
		return b, nil
	case least == most:
		return nil, bad(kind, "the %s has %d bytes, not %d", part, len(b), least)
	}
	return nil, bad(kind, "the %s has %d bytes, not %d to %d", part, len(b), least, most)
}

// decimal reads a number of least to most, in digits without sign or leading zero.
func decimal(kind, part, text string, least, most uint32) (uint32, error) {
	if text == "" || len(text) > 10 || text[0] == '0' {
		return 0, bad(kind, "the %s is not a number from %d to %d", part, least, most)
	}
	var n uint64
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return 0, bad(kind, "the %s is not a number from %d to %d", part, least, most)
		}
		n = 10*n + uint64(text[i]-'0')
	}
	if n < uint64(least) || n > uint64(most) {
		return 0, bad(kind, "the %s is %d, not from %d to %d", part, n, least, most)
	}
	return uint32(n), nil
}
