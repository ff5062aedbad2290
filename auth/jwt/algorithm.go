package jwt

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/sha256" // golang-jwt's methods find their hashes by number
	_ "crypto/sha512"
	"hash"
	"io"
	"sync"

	gojwt "github.com/golang-jwt/jwt/v5"
)

// keyKind is what a key is, and with it which algorithms it may serve.
type keyKind uint8

const (
	kindSecret keyKind = iota
	kindRSA
	kindP256
	kindP384
	kindP521
	kindEd25519

	numKinds
)

// algorithm is a signature algorithm of RFC 7518 and RFC 8037, bound to one kind of key.
type algorithm struct {
	name string
	kind keyKind
	// signatureLen is the length of each signature; 0 where the key decides it (RSA), and
	// crypto/rsa compares it.
	signatureLen int
	method       gojwt.SigningMethod
}

// algorithms are all that are served. none is not among them, and never will be.
var algorithms = algorithmTable(
	algorithm{"HS256", kindSecret, 32, hmacMethod{gojwt.SigningMethodHS256}},
	algorithm{"HS384", kindSecret, 48, hmacMethod{gojwt.SigningMethodHS384}},
	algorithm{"HS512", kindSecret, 64, hmacMethod{gojwt.SigningMethodHS512}},
	algorithm{"RS256", kindRSA, 0, rsaMethod{gojwt.SigningMethodRS256}},
	algorithm{"RS384", kindRSA, 0, rsaMethod{gojwt.SigningMethodRS384}},
	algorithm{"RS512", kindRSA, 0, rsaMethod{gojwt.SigningMethodRS512}},
	algorithm{"PS256", kindRSA, 0, pssMethod{gojwt.SigningMethodPS256}},
	algorithm{"PS384", kindRSA, 0, pssMethod{gojwt.SigningMethodPS384}},
	algorithm{"PS512", kindRSA, 0, pssMethod{gojwt.SigningMethodPS512}},
	algorithm{"ES256", kindP256, 64, gojwt.SigningMethodES256},
	algorithm{"ES384", kindP384, 96, gojwt.SigningMethodES384},
	algorithm{"ES512", kindP521, 132, gojwt.SigningMethodES512},
	algorithm{"EdDSA", kindEd25519, 64, gojwt.SigningMethodEdDSA},
)

func algorithmTable(all ...algorithm) map[string]*algorithm {
	table := make(map[string]*algorithm, len(all))
	for i := range all {
		table[all[i].name] = &all[i]
	}
	return table
}

// hmacMethod is golang-jwt's, but that it verifies with [macs].
type hmacMethod struct{ *gojwt.SigningMethodHMAC }

// Verify implements [gojwt.SigningMethod].
func (m hmacMethod) Verify(signed string, signature []byte, key any) error {
	idle := key.(macs)[m.Hash]
	mac := idle.Get().(hash.Hash)
	defer idle.Put(mac)
	mac.Reset()
	io.WriteString(mac, signed)
	var sum [maxMAC]byte
	if !hmac.Equal(mac.Sum(sum[:0]), signature) {
		return gojwt.ErrSignatureInvalid
	}
	return nil
}

// maxMAC is the longest signature of an hmacMethod in bytes, that of HS512.
const maxMAC = 64

// macs are what verifies with one secret: hashes keyed with it. To key one costs as much as to hash a
// short token, so they are used again. They are safe for concurrent use.
type macs map[crypto.Hash]*sync.Pool

func newMACs(secret []byte) macs {
	m := macs{}
	for _, h := range [...]crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		m[h] = &sync.Pool{New: func() any { return hmac.New(h.New, secret) }}
	}
	return m
}
