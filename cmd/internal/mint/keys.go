package mint

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Algorithms are those that a key can be made for, and a token signed with.
func Algorithms() []string {
	return []string{
		"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
		"ES256", "ES384", "ES512", "EdDSA",
	}
}

// IsSecret reports whether an algorithm's key is a secret, and no pair of keys.
func IsSecret(alg string) bool { return strings.HasPrefix(alg, "HS") }

// madeRSABits are those of an RSA key that is made.
const madeRSABits = 2048

// NewKey makes a key for an algorithm. A pair is in PEM: the private key in PKCS #8, the public
// key as PUBLIC KEY. A secret is 32 to 64 random bytes in hexadecimal digits, and has no public
// half.
func NewKey(alg string) (private, public []byte, err error) {
	if !slices.Contains(Algorithms(), alg) {
		return nil, nil, unknownAlgorithm(alg)
	}
	if IsSecret(alg) {
		sizes := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}
		secret := make([]byte, sizes[alg])
		rand.Read(secret)
		return append(hex.AppendEncode(nil, secret), '\n'), nil, nil
	}
	key, err := generate(alg)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), nil
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return rsa.GenerateKey(rand.Reader, madeRSABits)
}

func unknownAlgorithm(alg string) error {
	return fmt.Errorf("algorithm %q is unknown: there are %s", alg, strings.Join(Algorithms(), ", "))
}

// ParsePrivateKey reads the first private key of a PEM file: PRIVATE KEY, RSA PRIVATE KEY or EC
// PRIVATE KEY. No error quotes it.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the private key is encrypted: decrypt it with openssl pkey -in FILE -out NEW")
		default:
			continue // such as EC PARAMETERS, or a certificate beside the key
		}
		if err != nil {
			return nil, fmt.Errorf("a broken %s", block.Type)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errors.New("a private key that can't sign")
		}
		return signer, nil
	}
	return nil, errors.New("no private key in PEM")
}

// algorithmsOf are the algorithms that a key can sign with, the usual one first.
func algorithmsOf(key crypto.Signer) []string {
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		case elliptic.P521():
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}
