package builtin

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// EMQXOptions say how the hashes in a file of EMQX were made, in EMQX's words. The zero value is
// what EMQX does by default: SHA-256 over salt and password.
type EMQXOptions struct {
	// Algorithm is "plain", "md5", "sha", "sha256", "sha512", "bcrypt" or "pbkdf2"; empty means
	// "sha256".
	Algorithm string
	// SaltPosition is "prefix", "suffix" or "disable"; empty means "prefix". bcrypt and PBKDF2
	// take no notice of it.
	SaltPosition string
	// PBKDF2MAC is the hash function of PBKDF2: "md5", "sha", "sha224", "sha256", "sha384" or
	// "sha512"; empty means "sha256".
	PBKDF2MAC string
	// PBKDF2Iterations is 1 to 2,000,000. It must be given where Algorithm is "pbkdf2".
	PBKDF2Iterations int
	// PBKDF2Length is the length of the derived key in bytes, 16 to 256; 0 means that of the hash
	// function's result.
	PBKDF2Length int
}

// emqx is EMQXOptions in use.
type emqx struct {
	algorithm string
	digest    digest
	position  SaltPosition
	rounds    uint32
	length    int
	clear     func(name string, password []byte) (Hash, error)
}

// Check says what can't be among the options, or nil.
func (o EMQXOptions) Check() error {
	_, err := o.compile(nil)
	return err
}

// compile checks the options.
func (o EMQXOptions) compile(clear func(string, []byte) (Hash, error)) (*emqx, error) {
	e := &emqx{algorithm: o.Algorithm, clear: clear}
	if e.algorithm == "" {
		e.algorithm = "sha256"
	}
	if e.clear == nil {
		e.clear = func(name string, password []byte) (Hash, error) { return clearHash(name, password), nil }
	}
	if o.SaltPosition != "" {
		i := slices.Index(saltPositions[:], o.SaltPosition)
		if i < 0 {
			return nil, fmt.Errorf("salt position %q: it must be prefix, suffix or disable", o.SaltPosition)
		}
		e.position = SaltPosition(i)
	}
	switch e.algorithm {
	case "plain", "bcrypt":
		return e, nil
	case "pbkdf2":
		return e, e.compilePBKDF2(o)
	case "md5", "sha", "sha256", "sha512":
		e.digest, _ = digestOf(e.algorithm)
		return e, nil
	}
	return nil, fmt.Errorf("password algorithm %q: it must be plain, md5, sha, sha256, sha512, bcrypt or pbkdf2", e.algorithm)
}

func (e *emqx) compilePBKDF2(o EMQXOptions) error {
	word := o.PBKDF2MAC
	if word == "" {
		word = "sha256"
	}
	var ok bool
	if e.digest, ok = digestOf(word); !ok {
		return fmt.Errorf("PBKDF2 with %q: it must be md5, sha, sha224, sha256, sha384 or sha512", word)
	}
	if e.length = o.PBKDF2Length; e.length == 0 {
		e.length = e.digest.size()
	}
	switch {
	case o.PBKDF2Iterations < 1 || o.PBKDF2Iterations > maxIterations:
		return fmt.Errorf("%d iterations of PBKDF2: give the number that EMQX has as iterations, 1 to %d", o.PBKDF2Iterations, maxIterations)
	case e.length < minDerived || e.length > maxDerived:
		return fmt.Errorf("a PBKDF2 key of %d bytes: it must have %d to %d", e.length, minDerived, maxDerived)
	}
	e.rounds = uint32(o.PBKDF2Iterations)
	return nil
}

// row is a user in a file of EMQX.
type row struct {
	name, hash, salt string
	superuser        bool
}

// The names of a row's columns.
const (
	columnUser      = "user_id"
	columnHash      = "password_hash"
	columnSalt      = "salt"
	columnSuperuser = "is_superuser"
	// columnClear is what EMQX's import of type plain has instead of password_hash.
	columnClear = "password"
)

// errClear says what to do about columnClear, which is a hash under no other algorithm.
var errClear = errors.New("column \"password\" has passwords in clear text, which are read where algorithm is \"plain\": set it, or have \"mqttward users import -algorithm plain FROM TO\" hash them")

// column is the name of a column as rows have it.
func (e *emqx) column(name string) string {
	if name == columnClear && e.algorithm == "plain" {
		return columnHash
	}
	return name
}

// set takes a column's text in.
func (r *row) set(column, text string) error {
	if strings.ContainsRune(text, utf8.RuneError) {
		return fmt.Errorf("%s is not UTF-8", column)
	}
	switch column {
	case columnUser:
		r.name = text
	case columnHash:
		r.hash = text
	case columnSalt:
		r.salt = text
	case columnSuperuser:
		switch strings.ToLower(text) {
		case "true", "1":
			r.superuser = true
		case "false", "0", "":
		default:
			return fmt.Errorf("%s is neither true nor false", column)
		}
	case columnClear:
		return errClear
	default:
		return fmt.Errorf("unknown column %q: known are %s", column, strings.Join(knownColumns[:], ", "))
	}
	return nil
}

var knownColumns = [...]string{columnUser, columnHash, columnSalt, columnSuperuser}

// row takes a user in.
func (t *intake) row(line int, r row) {
	before := t.users.Len()
	t.user(line, r.name, func() (Hash, error) { return t.how.hash(r) })
	if t.users.Len() == before {
		return
	}
	if r.superuser {
		t.supers++
	}
	switch t.how.algorithm {
	case "plain":
		t.isWeak(line, "clear text")
	case "bcrypt", "pbkdf2":
		return
	}
	if t.how.position == SaltDisable && r.salt != "" {
		t.salted++
	}
}

// hash is the hash of a row. The salt is text: its characters are hashed, also where they look
// like hexadecimal digits.
func (e *emqx) hash(r row) (Hash, error) {
	switch {
	case r.hash == "":
		return nil, fmt.Errorf("%w: %s is empty", ErrBadHash, columnHash)
	case len(r.salt) > maxEMQXSalt:
		return nil, bad(e.algorithm, "the salt has %d bytes, not 0 to %d", len(r.salt), maxEMQXSalt)
	}
	switch e.algorithm {
	case "plain":
		return e.plain(r)
	case "bcrypt":
		return e.bcrypt(r)
	case "pbkdf2":
		sum, err := unhex(e.algorithm, r.hash, e.length)
		if err != nil {
			return nil, err
		}
		return newDerived(e.digest, e.rounds, r.salt, sum)
	}
	sum, err := unhex(e.algorithm, r.hash, e.digest.size())
	if err != nil {
		return nil, err
	}
	if e.position == SaltDisable {
		r.salt = ""
	}
	return newSalted(e.digest, e.position, r.salt, sum), nil
}

// unhex decodes a hash in hexadecimal digits of either case.
func unhex(algorithm, text string, size int) (string, error) {
	sum, err := hex.DecodeString(text)
	switch {
	case err != nil: // err would quote it
		return "", bad(algorithm, "the hash is not in hexadecimal digits: is algorithm right?")
	case len(sum) != size:
		return "", bad(algorithm, "the hash has %d bytes, not %d: is algorithm right?", len(sum), size)
	}
	return string(sum), nil
}

// maxClear is the longest password that is taken in clear text.
const maxClear = 1 << 10

// plain makes a hash of a password in clear text, from which EMQX doesn't take the salt away.
func (e *emqx) plain(r row) (Hash, error) {
	password, ok := r.hash, true
	switch e.position {
	case SaltPrefix:
		password, ok = strings.CutPrefix(r.hash, r.salt)
	case SaltSuffix:
		password, ok = strings.CutSuffix(r.hash, r.salt)
	}
	switch {
	case !ok:
		return nil, bad("plain", "the salt is not where salt_position says: no password would be right")
	case password == "" || len(password) > maxClear:
		return nil, bad("plain", "the password has %d bytes, not 1 to %d", len(password), maxClear)
	}
	return e.clear(r.name, []byte(password))
}

// errBcryptSalt is about a row's salt, which EMQX writes beside the hash that begins with it.
var errBcryptSalt = errors.New("the salt is not that of the hash")

func (e *emqx) bcrypt(r row) (Hash, error) {
	h, err := ParseHash(r.hash)
	if err != nil {
		return nil, err
	}
	if _, ok := h.(*bcryptHash); !ok {
		return nil, bad(bcryptKind, "the hash is of another kind: is algorithm right?")
	}
	if r.salt != "" && !strings.HasPrefix(r.hash, r.salt) {
		return nil, fmt.Errorf("%w: %s: %w", ErrBadHash, bcryptKind, errBcryptSalt)
	}
	return h, nil
}
